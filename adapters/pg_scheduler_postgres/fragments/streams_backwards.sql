-- The streams, from the last to the first, each found by one probe, together with its newest job.
streams (queue, job_name, priority, execution_time, job_id) AS (
    (
        SELECT job.queue, job.job_name COLLATE "C", job.priority, job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.queue >= :first_queue::text
            AND job.queue <= :last_queue::text
        ORDER BY job.queue DESC, job.job_name COLLATE "C" DESC, job.priority DESC,
            job.execution_time DESC, job.job_id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT job.queue, job.job_name, job.priority, job.execution_time, job.job_id
    FROM streams AS behind
    CROSS JOIN LATERAL (
        SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.priority, job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.queue >= :first_queue::text
            AND (job.queue, job.job_name COLLATE "C", job.priority)
                < (behind.queue, behind.job_name, behind.priority)
        ORDER BY job.queue DESC, job.job_name COLLATE "C" DESC, job.priority DESC,
            job.execution_time DESC, job.job_id DESC
        LIMIT 1
    ) AS job
)
