-- The limits of tasks, as one code has them; limits that changed by nothing are left alone. Those that
-- somebody has set by hand go on to hold: what the code says is kept beside them.
INSERT INTO :"schema".scheduled_job_limits AS limits (task_name, concurrency, rate, changed_at)
SELECT given.task_name, given.concurrency, given.rate, :NOW
FROM unnest(:task_names::text[], :concurrencies::integer[], :rates::double precision[])
    AS given (task_name, concurrency, rate)
ORDER BY given.task_name COLLATE "C"
ON CONFLICT (task_name) DO UPDATE SET
    concurrency = CASE WHEN limits.by_hand THEN limits.concurrency ELSE EXCLUDED.concurrency END,
    rate = CASE WHEN limits.by_hand THEN limits.rate ELSE EXCLUDED.rate END,
    code_concurrency = CASE WHEN limits.by_hand THEN EXCLUDED.concurrency END,
    code_rate = CASE WHEN limits.by_hand THEN EXCLUDED.rate END,
    changed_at = CASE WHEN limits.by_hand THEN limits.changed_at ELSE EXCLUDED.changed_at END
WHERE (
    CASE WHEN limits.by_hand THEN limits.code_concurrency ELSE limits.concurrency END,
    CASE WHEN limits.by_hand THEN limits.code_rate ELSE limits.rate END
) IS DISTINCT FROM (EXCLUDED.concurrency, EXCLUDED.rate);
