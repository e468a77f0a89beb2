-- The limits of a task, by hand. What its code says is kept for when they end.
INSERT INTO :"schema".scheduled_job_limits AS limits (task_name, concurrency, rate, by_hand, changed_at)
VALUES (:task_name::text, :concurrency::integer, :rate::double precision, true, :NOW)
ON CONFLICT (task_name) DO UPDATE SET
    concurrency = EXCLUDED.concurrency,
    rate = EXCLUDED.rate,
    code_concurrency = CASE WHEN limits.by_hand THEN limits.code_concurrency ELSE limits.concurrency END,
    code_rate = CASE WHEN limits.by_hand THEN limits.code_rate ELSE limits.rate END,
    by_hand = true,
    changed_at = EXCLUDED.changed_at
WHERE (limits.concurrency, limits.rate, limits.by_hand)
    IS DISTINCT FROM (EXCLUDED.concurrency, EXCLUDED.rate, true)
RETURNING limits.task_name, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified;
