-- Delete jobs that finished long enough ago, oldest first, with their history.
WITH old AS (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = :status::text
        AND job.finished_at <= coalesce(:now::timestamptz, now()) - make_interval(days => :days::integer)
    ORDER BY job.finished_at
    LIMIT :limit::integer
    FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
    RETURNING job.job_id
),
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    WHERE history.job_id = ANY (ARRAY(SELECT old.job_id FROM old))
)
SELECT count(*) AS deleted
FROM gone;
