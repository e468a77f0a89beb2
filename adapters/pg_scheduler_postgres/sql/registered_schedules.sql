-- What the code of these tasks has registered, and whoever else has the keys it wants (a task that was
-- renamed keeps its key) or has replaced them.
SELECT
    -- include: registered_columns,
    :NOW AS now
FROM :"schema".scheduled_job_schedules AS schedule
WHERE -- include: is_concerned
ORDER BY schedule.schedule_key;
