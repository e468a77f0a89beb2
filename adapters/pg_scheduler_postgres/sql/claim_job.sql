-- Lease one pending job, whether due or not.
UPDATE :"schema".scheduled_jobs AS job
SET status = 'running',
    epoch = job.epoch + 1,
    worker_id = :worker_id::text,
    started_at = coalesce(:now::timestamptz, now()),
    last_heartbeat = coalesce(:now::timestamptz, now()),
    lease_until = coalesce(:now::timestamptz, now())
        + make_interval(secs => :lease_seconds::double precision),
    attempt_count = job.attempt_count + 1
WHERE job.job_id = :job_id::text AND job.status = 'pending'
RETURNING
    job.job_id, job.job_name, job.task_data::text AS task_data, job.execution_time, job.priority,
    job.epoch, job.attempt_count, job.retry_count, job.max_retries, job.timeout_seconds,
    job.backoff::text AS backoff, job.store_result, job.schedule_key, job.exclusive_key, job.exclusive_wait,
    job.schedule_window, job.payload, job.headers::text AS headers, job.lane, job.created_at;
