-- What code has registered under one name (tasks that share it have their key behind it), and whoever else has
-- the keys it wants (a task that was renamed keeps its key), held still for the rest of the transaction.
SELECT
    schedule.schedule_key, schedule.spec_hash, schedule.spec::text AS spec, schedule.older_hashes,
    schedule.heartbeat, schedule.retired, schedule.paused, schedule.mark,
    :NOW AS now
FROM :"schema".scheduled_job_schedules AS schedule
WHERE (schedule.task_name IN (:family::text, :family::text || '@' || schedule.schedule_key)
        AND schedule.origin = 'code')
    OR schedule.schedule_key = ANY (:keys::text[])
ORDER BY schedule.schedule_key
FOR UPDATE;
