-- Newer code has other schedules for this task.
UPDATE :"schema".scheduled_job_schedules AS schedule
SET retired = true,
    next_window = NULL
WHERE schedule.schedule_key = ANY (:keys::text[]);
