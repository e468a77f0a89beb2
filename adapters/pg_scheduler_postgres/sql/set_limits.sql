-- The limits of tasks, as one code has them; limits that changed by nothing are left alone.
INSERT INTO :"schema".scheduled_job_limits AS limits (task_name, concurrency, rate, changed_at)
SELECT given.task_name, given.concurrency, given.rate, :NOW
FROM unnest(:task_names::text[], :concurrencies::integer[], :rates::double precision[])
    AS given (task_name, concurrency, rate)
ORDER BY given.task_name COLLATE "C"
ON CONFLICT (task_name) DO UPDATE SET
    concurrency = EXCLUDED.concurrency,
    rate = EXCLUDED.rate,
    changed_at = EXCLUDED.changed_at
WHERE (limits.concurrency, limits.rate) IS DISTINCT FROM (EXCLUDED.concurrency, EXCLUDED.rate);
