-- The limits of a task that somebody has set end: those of its code hold again.
UPDATE :"schema".scheduled_job_limits AS limits
SET concurrency = limits.code_concurrency,
    rate = limits.code_rate,
    code_concurrency = NULL,
    code_rate = NULL,
    by_hand = false,
    changed_at = :NOW
WHERE limits.task_name = :task_name::text AND limits.by_hand
RETURNING limits.task_name, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified;
