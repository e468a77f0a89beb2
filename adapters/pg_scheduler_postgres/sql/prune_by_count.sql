-- Delete all but the latest finished jobs of each name, with their history. Each name is a range of the
-- finished index, read from its newest end past what is kept. Rows that somebody is writing are left to the
-- next pass: to wait for them while holding others could deadlock.
WITH RECURSIVE
-- include: finished_names,
-- Jobs beyond those that each name keeps. Those that are awaited stay for a while.
beyond AS MATERIALIZED (
    SELECT of_name.job_id
    FROM names
    CROSS JOIN LATERAL (
        SELECT counted.job_id
        FROM (
            SELECT job.job_id, job.awaited, job.finished_at
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = :status::text AND job.job_name = names.job_name
            ORDER BY job.finished_at DESC, job.job_id DESC
            OFFSET :keep::bigint
        ) AS counted
        WHERE NOT counted.awaited
            OR counted.finished_at
                <= :NOW - pg_catalog.make_interval(secs => :awaited_seconds::double precision)
        LIMIT :limit::integer
    ) AS of_name
    LIMIT :limit::integer
),
-- Those of them that nobody else is writing, locked.
old AS MATERIALIZED (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT beyond.job_id FROM beyond))
        AND job.status = :status::text
    FOR UPDATE SKIP LOCKED
),
-- They go.
gone AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
    RETURNING job.job_id
),
-- Their history goes with them.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    WHERE history.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
)
SELECT pg_catalog.count(*) AS deleted
FROM gone;
