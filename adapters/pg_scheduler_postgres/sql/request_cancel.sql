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
-- What is pending ends; who runs a job is asked to stop it.
cancelled AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = CASE
            WHEN requested.status = 'pending' THEN :target_if_pending::text
            ELSE :target_if_running::text
        END,
        finished_at = CASE WHEN requested.status = 'pending' THEN :NOW END,
        cancel_requested_at = coalesce(job.cancel_requested_at, :NOW),
        superseded = false
    FROM requested
    WHERE job.job_id = requested.job_id AND requested.status IN ('pending', 'running')
)
SELECT
    requested.job_id,
    requested.status,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'cancel')
        WHERE EXISTS (SELECT 1 FROM requested WHERE requested.status = 'running')
    ) AS notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (
            SELECT 1 FROM requested WHERE requested.status = 'pending' AND requested.schedule_key IS NOT NULL
        )
    ) AS schedule_notified,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, :target_if_pending::text || ' ' || ended.job_id)
        )
        FROM requested AS ended
        WHERE ended.awaited AND ended.status = 'pending'
    ) AS finished_notified
FROM requested;
