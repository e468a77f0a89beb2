-- Jobs by state, name and worker, in order of time.
SELECT
    job.job_id, job.job_name, job.status, job.execution_time, job.priority,
    coalesce(job.task_data::text, '{}') AS task_data, job.created_at, job.started_at, job.finished_at,
    job.worker_id, job.lease_until, job.epoch, job.attempt_count, job.retry_count, job.max_retries,
    job.crash_count, job.cancel_requested_at IS NOT NULL AS cancel_requested, job.superseded,
    job.misfire_grace_time, job.timeout_seconds, job.error_message, job.result::text AS result,
    job.schedule_key, job.schedule_window, job.payload, job.headers::text AS headers, job.dedupe_key, job.lane,
    job.progress_done, job.progress_total
FROM :"schema".scheduled_jobs AS job
WHERE (cardinality(:statuses::text[]) = 0 OR job.status = ANY (:statuses::text[]))
    AND (:task_name::text IS NULL OR job.job_name = :task_name::text)
    AND (:worker_id::text IS NULL OR job.worker_id = :worker_id::text)
ORDER BY job.execution_time, job.job_id
LIMIT :limit::integer;
