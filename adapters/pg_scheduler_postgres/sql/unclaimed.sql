-- Due jobs of names that a worker does not know, by code point; of many only the first are looked at. In two
-- parts, one for each index of jobs that wait.
WITH RECURSIVE
-- include: waiting_streams,
-- include: waiting_in_lanes
SELECT waiting.job_name, least(pg_catalog.count(*), :most::integer) AS jobs,
    -- include: oldest_due
FROM (
    SELECT stream.job_name, job.execution_time AS oldest
    FROM waiting_streams AS stream
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
            AND job.execution_time <= :NOW
        ORDER BY job.execution_time
        LIMIT (SELECT :most::integer)
    ) AS job
    WHERE stream.job_name COLLATE "C" <> ALL (ARRAY(SELECT pg_catalog.unnest(:known_names::text[])))
    UNION ALL
    SELECT task.job_name, first.execution_time
    FROM waiting_in_lanes AS task
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.queue = task.queue
            AND job.job_name COLLATE "C" = task.job_name
        LIMIT (SELECT :most::integer)
    ) AS first
    WHERE task.job_name COLLATE "C" <> ALL (ARRAY(SELECT pg_catalog.unnest(:known_names::text[])))
        AND first.execution_time <= :NOW
) AS waiting
GROUP BY waiting.job_name
ORDER BY waiting.job_name COLLATE "C";
