-- The streams of all jobs that wait outside lanes, each found by one probe of their index.
waiting_streams (queue, job_name, priority) AS (
    SELECT '' COLLATE "C", '' COLLATE "C", -2147483648
    UNION ALL
    SELECT job.queue, job.job_name, job.priority
    FROM waiting_streams AS before
    CROSS JOIN LATERAL (
        SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND (job.queue, job.job_name COLLATE "C", job.priority)
                > (before.queue, before.job_name, before.priority)
        ORDER BY job.queue, job.job_name COLLATE "C", job.priority
        LIMIT 1
    ) AS job
)
