-- What the code of one task has registered, and whoever else has the keys it wants (a task that was renamed
-- keeps its key), held still for the rest of the transaction.
SELECT
    schedule.schedule_key, schedule.spec_hash, schedule.spec::text AS spec, schedule.older_hashes,
    schedule.heartbeat, schedule.retired, schedule.paused, schedule.mark,
    :NOW AS now
FROM :"schema".scheduled_job_schedules AS schedule
WHERE (schedule.task_name = :task_name::text AND schedule.origin = 'code')
    OR schedule.schedule_key = ANY (:keys::text[])
ORDER BY schedule.schedule_key
FOR UPDATE;
