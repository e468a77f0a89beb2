-- An operator's word makes a job pending and due now, with its counters at zero.
WITH
-- The job, pending again.
reopened AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: as_if_new
    WHERE job.job_id = :job_id::text
    RETURNING job.job_id
)
SELECT
    pg_catalog.pg_notify(:channel::text, 'due') AS notified,
    pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
FROM reopened;
