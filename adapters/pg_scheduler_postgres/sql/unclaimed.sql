-- Due jobs of names that a worker does not know, by code point. In two parts, one for each index of jobs
-- that wait.
SELECT waiting.job_name, pg_catalog.sum(waiting.jobs)::bigint AS jobs,
    -- include: oldest_due
FROM (
    SELECT job.job_name, pg_catalog.count(*) AS jobs, pg_catalog.min(job.execution_time) AS oldest
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'pending'
        AND job.lane IS NULL
        AND job.execution_time <= :NOW
        AND job.job_name <> ALL (:known_names::text[])
    GROUP BY job.job_name
    UNION ALL
    SELECT job.job_name, pg_catalog.count(*) AS jobs, pg_catalog.min(job.execution_time) AS oldest
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'pending'
        AND job.lane IS NOT NULL
        AND job.execution_time <= :NOW
        AND job.job_name <> ALL (:known_names::text[])
    GROUP BY job.job_name
) AS waiting
GROUP BY waiting.job_name
ORDER BY waiting.job_name COLLATE "C";
