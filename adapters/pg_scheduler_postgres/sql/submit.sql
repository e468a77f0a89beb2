-- Store new jobs, leave taken ids alone, and wake the workers once if anything is due soon.
WITH stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        job_id, job_name, execution_time, task_data, created_at, priority, max_retries,
        misfire_grace_time, timeout_seconds, backoff, store_result, schedule_key, exclusive_key,
        exclusive_wait
    )
    SELECT
        given.job_id, given.job_name, given.execution_time, given.task_data::jsonb,
        coalesce(:now::timestamptz, now()), given.priority, given.max_retries,
        given.misfire_grace_time, given.timeout_seconds, given.backoff::jsonb, given.store_result,
        given.schedule_key, given.exclusive_key, given.exclusive_wait
    FROM unnest(
        :job_ids::text[], :job_names::text[], :execution_times::timestamptz[], :task_datas::text[],
        :priorities::integer[], :max_retries::integer[], :misfire_grace_times::integer[],
        :timeouts::double precision[], :backoffs::text[], :store_results::boolean[],
        :schedule_keys::text[], :exclusive_keys::text[], :exclusive_waits::boolean[]
    ) AS given (
        job_id, job_name, execution_time, task_data,
        priority, max_retries, misfire_grace_time,
        timeout_seconds, backoff, store_result, schedule_key, exclusive_key, exclusive_wait
    )
    ON CONFLICT (job_id) DO NOTHING
    RETURNING job_id, execution_time
)
SELECT
    stored.job_id,
    true AS inserted,
    (
        SELECT pg_notify(:channel::text, 'due')
        WHERE EXISTS (
            SELECT 1
            FROM stored
            WHERE execution_time <= coalesce(:now::timestamptz, clock_timestamp())
                + make_interval(secs => :soon_seconds::double precision)
        )
    ) AS notified
FROM stored;
