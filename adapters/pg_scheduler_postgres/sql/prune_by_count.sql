-- Delete all but the latest finished jobs of each name, with their history.
WITH old AS (
    SELECT ranked.job_id
    FROM (
        SELECT
            job.job_id,
            row_number() OVER (
                PARTITION BY job.job_name
                ORDER BY job.finished_at DESC, job.job_id DESC
            ) AS place
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text
    ) AS ranked
    WHERE ranked.place > :keep::bigint
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
