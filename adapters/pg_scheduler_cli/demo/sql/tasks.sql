-- Jobs of each task by what became of them.
SELECT
    job_name AS task,
    count(*) AS jobs,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE status NOT IN ('completed', 'failed', 'cancelled')) AS other,
    sum(attempt_count) AS attempts,
    sum(retry_count) AS retries,
    sum(crash_count) AS recovered
FROM scheduled_jobs
GROUP BY job_name
ORDER BY job_name;
