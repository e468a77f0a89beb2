-- An operator's word makes a job pending and due now, with its counters at zero.
WITH
-- The job, pending again.
reopened AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = 'pending',
        epoch = job.epoch + 1,
        execution_time = :NOW,
        retry_count = 0,
        crash_count = 0,
        attempt_count = 0,
        finished_at = NULL,
        lease_until = NULL,
        worker_id = NULL,
        cancel_requested_at = NULL,
        superseded = false,
        error_message = NULL,
        result = NULL,
        progress_done = NULL,
        progress_total = NULL
    WHERE job.job_id = :job_id::text
    RETURNING job.job_id
)
SELECT
    pg_catalog.pg_notify(:channel::text, 'due') AS notified,
    pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
FROM reopened;
