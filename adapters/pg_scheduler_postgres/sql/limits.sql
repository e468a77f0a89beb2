-- Tasks that have limits or are paused.
SELECT
    limits.task_name, limits.concurrency, limits.rate, limits.paused, limits.changed_at, limits.by_hand,
    limits.code_concurrency, limits.code_rate
FROM :"schema".scheduled_job_limits AS limits
WHERE -- include: task_has_limits
ORDER BY limits.task_name;
