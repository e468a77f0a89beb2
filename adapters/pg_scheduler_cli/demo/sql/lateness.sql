-- How long after their time the reminders started, in milliseconds.
SELECT
    coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late_ms), 'NaN') AS p50_ms,
    coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY late_ms), 'NaN') AS p99_ms,
    coalesce(max(late_ms), 'NaN') AS worst_ms
FROM (
    SELECT (1000 * extract(EPOCH FROM started_at - execution_time))::double precision AS late_ms
    FROM scheduled_jobs
    WHERE job_name = 'remind'
) AS reminders;
