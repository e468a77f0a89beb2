-- The tasks of all jobs that wait in lanes, queue by queue, each found by one probe of their index.
waiting_in_lanes (queue, job_name) AS (
    SELECT '' COLLATE "C", '' COLLATE "C"
    UNION ALL
    SELECT job.queue, job.job_name
    FROM waiting_in_lanes AS before
    CROSS JOIN LATERAL (
        SELECT job.queue, job.job_name COLLATE "C" AS job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND (job.queue, job.job_name COLLATE "C") > (before.queue, before.job_name)
        ORDER BY job.queue, job.job_name COLLATE "C"
        LIMIT 1
    ) AS job
)
