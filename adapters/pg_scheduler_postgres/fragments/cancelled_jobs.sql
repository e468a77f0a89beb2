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
