-- Cancel pending jobs; ask the owners of running ones to stop them. A cancelled job's waiting new
-- version is given up with it.
WITH
-- The jobs as they were, locked.
requested AS (
    SELECT job.job_id, job.status, job.schedule_key, job.awaited
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job
),
-- include: cancelled_jobs
SELECT
    requested.job_id,
    requested.status,
    -- include: cancelled_signals
FROM requested;
