-- Jobs of these tasks and queues that stand in no lane get one, some at a time; those that run too, as they
-- take places.
WITH RECURSIVE
-- include: waiting_streams,
-- Those that wait, locked.
waiting AS MATERIALIZED (
    SELECT first.job_id
    FROM waiting_streams AS stream
    CROSS JOIN LATERAL (
        SELECT job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
        LIMIT (SELECT :limit::integer)
        FOR UPDATE SKIP LOCKED
    ) AS first
    WHERE stream.job_name COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
        OR stream.queue = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
    LIMIT (SELECT :limit::integer)
),
-- Those that run, locked.
running AS MATERIALIZED (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
        AND job.lane IS NULL
        AND (
            job.job_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
            OR job.queue = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
        )
    LIMIT (SELECT :limit::integer)
    FOR UPDATE SKIP LOCKED
),
-- They stand in lanes now.
moved AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET lane = ''
    WHERE job.job_id = ANY (
        ARRAY(SELECT waiting.job_id FROM waiting UNION ALL SELECT running.job_id FROM running)
    )
    RETURNING job.job_id
)
SELECT
    pg_catalog.count(*) AS moved,
    -- Whether others hold some, mostly a claim that began before: what it starts takes a place, too.
    EXISTS (
        SELECT 1
        FROM waiting_streams AS stream
        CROSS JOIN LATERAL (
            SELECT job.job_id
            FROM :"schema".scheduled_jobs AS job
            WHERE
                -- include: of_stream
            LIMIT (SELECT :limit::integer)
        ) AS first
        WHERE first.job_id NOT IN (SELECT waiting.job_id FROM waiting)
            AND (
                stream.job_name COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
                OR stream.queue = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
            )
    ) OR EXISTS (
        SELECT 1
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'running'
            AND job.lane IS NULL
            AND (
                job.job_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
                OR job.queue = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
            )
            AND job.job_id NOT IN (SELECT running.job_id FROM running)
    ) AS passed_over
FROM moved;
