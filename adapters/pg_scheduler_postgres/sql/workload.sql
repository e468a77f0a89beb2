-- What waits and runs, by queue and task: of each stream so many due jobs are counted and no more, and as
-- many in lanes, the oldest first.
WITH RECURSIVE
-- include: waiting_streams,
-- How many are counted of each.
share AS MATERIALIZED (
    SELECT greatest(100, :most::integer / greatest(pg_catalog.count(*), 1)) AS most
    FROM waiting_streams
),
-- Due jobs of streams.
in_streams AS (
    SELECT stream.queue, stream.job_name, counted.number, counted.oldest, counted.is_exact
    FROM waiting_streams AS stream
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.count(*) AS number,
            pg_catalog.min(due.execution_time) AS oldest,
            pg_catalog.count(*) < (SELECT share.most FROM share) AS is_exact
        FROM (
            SELECT job.execution_time
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
                AND job.execution_time <= :NOW
            ORDER BY job.execution_time
            LIMIT (SELECT share.most FROM share)
        ) AS due
    ) AS counted
    WHERE counted.number > 0
),
-- Due jobs in lanes.
in_lanes AS (
    SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.execution_time
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'pending' AND job.lane IS NOT NULL AND job.execution_time <= :NOW
    ORDER BY job.execution_time
    LIMIT :most::integer
)
SELECT
    :NOW AS moment, false AS is_running, waiting.queue, waiting.job_name,
    pg_catalog.sum(waiting.number)::integer AS number, pg_catalog.bool_and(waiting.is_exact) AS is_exact,
    -- include: oldest_due
FROM (
    SELECT in_streams.queue, in_streams.job_name, in_streams.number, in_streams.oldest, in_streams.is_exact
    FROM in_streams
    UNION ALL
    SELECT
        in_lanes.queue, in_lanes.job_name, pg_catalog.count(*), pg_catalog.min(in_lanes.execution_time),
        (SELECT pg_catalog.count(*) FROM in_lanes) < :most::integer
    FROM in_lanes
    GROUP BY in_lanes.queue, in_lanes.job_name
) AS waiting
GROUP BY waiting.queue, waiting.job_name
UNION ALL
SELECT
    :NOW, true, job.queue, job.job_name COLLATE "C", pg_catalog.count(*)::integer, true,
    pg_catalog.min(job.started_at)
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'running'
GROUP BY job.queue, job.job_name
UNION ALL
SELECT :NOW, NULL, NULL, NULL, NULL, NULL, NULL;
