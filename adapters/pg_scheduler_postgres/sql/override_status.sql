-- An operator's word ends a job; the epoch ends the right of a running attempt to write.
WITH
-- The job, ended.
ended AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = :status::text,
        epoch = job.epoch + 1,
        finished_at = :NOW,
        lease_until = NULL,
        superseded = false,
        error_group = NULL
    WHERE job.job_id = :job_id::text
    RETURNING job.job_id, job.status, job.lane, job.awaited
)
SELECT
    (
        SELECT pg_catalog.count(pg_catalog.pg_notify(:channel::text, 'lane'))
        FROM ended
        WHERE ended.lane IS NOT NULL
    ) AS lane_notified,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, ended.status || ' ' || ended.job_id)
        )
        FROM ended
        WHERE ended.awaited
    ) AS finished_notified;
