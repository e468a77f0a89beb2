-- No worker claims jobs of this task until it is resumed.
INSERT INTO :"schema".scheduled_job_limits AS limits (task_name, paused, changed_at)
VALUES (:task_name::text, true, :NOW)
ON CONFLICT (task_name) DO UPDATE SET
    paused = true,
    changed_at = EXCLUDED.changed_at
WHERE NOT limits.paused
RETURNING limits.task_name;
