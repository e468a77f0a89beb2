-- Delete jobs that finished long enough ago, with their history. Names are visited one by one, each as a
-- range of the finished index, so a batch costs what it deletes however many jobs are kept.
WITH RECURSIVE names (job_name) AS (
    (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text
        ORDER BY job.job_name
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text AND job.job_name > names.job_name
        ORDER BY job.job_name
        LIMIT 1
    )
    FROM names
    WHERE names.job_name IS NOT NULL
),
old AS MATERIALIZED (
    SELECT of_name.job_id
    FROM names
    CROSS JOIN LATERAL (
        SELECT job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text
            AND job.job_name = names.job_name
            AND job.finished_at <= coalesce(:now::timestamptz, now()) - make_interval(days => :days::integer)
        ORDER BY job.finished_at, job.job_id
        LIMIT :limit::integer
        FOR UPDATE SKIP LOCKED
    ) AS of_name
    LIMIT :limit::integer
),
gone AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
        AND job.status = :status::text
    RETURNING job.job_id
),
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    WHERE history.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
)
SELECT count(*) AS deleted
FROM gone;
