-- The attempts that did not simply complete their job, in order.
SELECT
    history.job_id AS job,
    history.attempt,
    history.outcome,
    history.worker_id AS worker,
    split_part(history.error_message, E'\n', 1) AS message
FROM scheduled_job_attempts AS history
ORDER BY history.finished_at, history.job_id;
