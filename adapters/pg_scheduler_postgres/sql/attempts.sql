-- The recorded attempts of one job, oldest first.
SELECT
    history.job_id, history.epoch, history.attempt, history.worker_id, history.started_at,
    history.finished_at, history.outcome, history.error_message, history.traceback
FROM :"schema".scheduled_job_attempts AS history
WHERE history.job_id = :job_id::text
ORDER BY history.epoch;
