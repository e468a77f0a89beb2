-- Whether the server changes rows within a WITH. It changes none.
WITH
-- None.
gone AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE false
    RETURNING job.job_id
)
SELECT pg_catalog.count(*)::integer AS jobs
FROM gone;
