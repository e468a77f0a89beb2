-- Jobs in each status, then retries and recoveries after a crash.
SELECT what, amount
FROM (
    SELECT 1 AS position, status AS what, count(*) AS amount
    FROM scheduled_jobs
    GROUP BY status
    UNION ALL
    SELECT 2, 'retries', sum(retry_count)
    FROM scheduled_jobs
    UNION ALL
    SELECT 3, 'recovered from a killed worker', sum(crash_count)
    FROM scheduled_jobs
) AS totals
ORDER BY position, amount DESC;
