-- Delete jobs that finished long enough ago, with their history. Names are visited one by one, each as a
-- range of the finished index, so a batch costs what it deletes however many jobs are kept.
WITH RECURSIVE
-- include: finished_names,
-- Jobs that finished long enough ago, the oldest first, locked. Those that are awaited stay for a while.
old AS MATERIALIZED (
    SELECT of_name.job_id
    FROM names
    CROSS JOIN LATERAL (
        SELECT job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text
            AND job.job_name = names.job_name
            AND job.finished_at <= :NOW - pg_catalog.make_interval(days => :days::integer)
            AND (
                NOT job.awaited
                OR job.finished_at
                    <= :NOW - pg_catalog.make_interval(secs => :awaited_seconds::double precision)
            )
        ORDER BY job.finished_at, job.job_id
        LIMIT :limit::integer
        FOR UPDATE SKIP LOCKED
    ) AS of_name
    LIMIT :limit::integer
),
-- They go.
gone AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
        AND job.status = :status::text
    RETURNING job.job_id
),
-- Their history goes with them.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    WHERE history.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
)
SELECT pg_catalog.count(*) AS deleted
FROM gone;
