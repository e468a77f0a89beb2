-- How many jobs wait and run, by queue and task. Of those that wait in one stream so many at the most are
-- read, and the fewer, the more streams there are: it costs about the same whatever waits.
WITH RECURSIVE
-- include: waiting_streams,
-- include: waiting_in_lanes,
-- The streams, as far as they are looked at.
streams AS MATERIALIZED (
    SELECT waiting_streams.queue, waiting_streams.job_name, waiting_streams.priority
    FROM waiting_streams
    LIMIT (SELECT :most_streams::integer + 1)
),
-- How many jobs of each are counted.
cap AS MATERIALIZED (
    SELECT least(
        :most_of_each::integer,
        greatest(
            :most_in_all::integer / greatest((SELECT pg_catalog.count(*) FROM streams), 1), 10
        )
    ) AS jobs
),
-- What waits in each, by whether it may start now.
waiting AS (
    SELECT stream.queue, stream.job_name, counted.due, counted.scheduled, counted.is_exact
    FROM streams AS stream
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.count(*) FILTER (WHERE job.execution_time <= :NOW) AS due,
            pg_catalog.count(*) FILTER (WHERE job.execution_time > :NOW) AS scheduled,
            pg_catalog.count(*) < (SELECT cap.jobs FROM cap) AS is_exact
        FROM (
            SELECT job.execution_time
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
            ORDER BY job.execution_time
            LIMIT (SELECT cap.jobs FROM cap)
        ) AS job
    ) AS counted
    UNION ALL
    SELECT task.queue, task.job_name, counted.due, counted.scheduled, counted.is_exact
    FROM (SELECT * FROM waiting_in_lanes LIMIT (SELECT :most_streams::integer + 1)) AS task
    CROSS JOIN LATERAL (
        SELECT
            pg_catalog.count(*) FILTER (WHERE job.execution_time <= :NOW) AS due,
            pg_catalog.count(*) FILTER (WHERE job.execution_time > :NOW) AS scheduled,
            pg_catalog.count(*) < (SELECT cap.jobs FROM cap) AS is_exact
        FROM (
            SELECT job.execution_time
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NOT NULL
                AND job.queue = task.queue
                AND job.job_name COLLATE "C" = task.job_name
            LIMIT (SELECT cap.jobs FROM cap)
        ) AS job
    ) AS counted
),
-- What runs.
running AS (
    SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.lane
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
),
-- All of it, by queue and task.
counted AS (
    SELECT
        each.queue, each.job_name,
        pg_catalog.sum(each.due)::integer AS due,
        pg_catalog.sum(each.scheduled)::integer AS scheduled,
        pg_catalog.sum(each.running)::integer AS running,
        pg_catalog.bool_and(each.is_exact) AS is_exact
    FROM (
        SELECT waiting.queue, waiting.job_name, waiting.due, waiting.scheduled, 0 AS running, waiting.is_exact
        FROM waiting
        WHERE waiting.due + waiting.scheduled > 0
        UNION ALL
        SELECT running.queue, running.job_name, 0, 0, pg_catalog.count(*), true
        FROM running
        GROUP BY running.queue, running.job_name
    ) AS each
    GROUP BY each.queue, each.job_name
)
SELECT
    counted.queue, counted.job_name, counted.due, counted.scheduled, counted.running, counted.is_exact,
    (
        SELECT pg_catalog.count(DISTINCT running.lane)::integer
        FROM running
        WHERE running.job_name = counted.job_name
    ) AS lanes_in_use
FROM counted
ORDER BY counted.queue, counted.job_name;
