-- Stored schedules by key; all of them where no keys are given.
SELECT
    -- include: schedule_columns,
    -- include: is_busy AS busy
FROM :"schema".scheduled_job_schedules AS schedule
WHERE :keys::text[] IS NULL OR schedule.schedule_key = ANY (:keys::text[])
ORDER BY schedule.schedule_key;
