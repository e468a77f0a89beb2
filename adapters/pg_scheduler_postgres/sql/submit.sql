-- Store new jobs, leave taken ids and dedupe keys alone, and wake the workers once if anything is due soon.
WITH stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        job_id, job_name, execution_time, task_data, created_at, priority, max_retries,
        misfire_grace_time, timeout_seconds, backoff, store_result, schedule_key, exclusive_key,
        exclusive_wait, payload, headers, dedupe_key, lane
    )
    SELECT
        given.job_id, given.job_name,
        coalesce(
            coalesce(:now::timestamptz, now()) + make_interval(secs => given.delay_seconds), given.execution_time
        ),
        given.task_data::jsonb,
        coalesce(:now::timestamptz, now()), given.priority, given.max_retries,
        given.misfire_grace_time, given.timeout_seconds, given.backoff::jsonb, given.store_result,
        given.schedule_key, given.exclusive_key, given.exclusive_wait,
        given.payload, given.headers::jsonb, given.dedupe_key,
        coalesce(
            given.limit_key,
            CASE WHEN given.job_name = ANY (ARRAY(SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits)) THEN '' END
        )
    FROM unnest(
        :every_job_id::text[], :every_job_name::text[], :every_execution_time::timestamptz[],
        :every_task_data::text[], :every_priority::integer[], :every_max_retries::integer[],
        :every_misfire_grace_time::integer[], :every_timeout::double precision[], :every_backoff::text[],
        :every_store_result::boolean[], :every_schedule_key::text[], :every_exclusive_key::text[],
        :every_exclusive_wait::boolean[], :every_payload::bytea[], :every_headers::text[],
        :every_dedupe_key::text[], :every_limit_key::text[], :every_delay::double precision[]
    ) AS given (
        job_id, job_name, execution_time, task_data,
        priority, max_retries, misfire_grace_time,
        timeout_seconds, backoff, store_result, schedule_key, exclusive_key, exclusive_wait,
        payload, headers, dedupe_key, limit_key, delay_seconds
    )
    ON CONFLICT DO NOTHING
    RETURNING job_id, execution_time, lane
)
SELECT
    stored.job_id,
    true AS inserted,
    (
        SELECT pg_notify(:channel::text, 'due')
        WHERE EXISTS (
            SELECT 1
            FROM stored
            WHERE lane IS NULL AND execution_time <= coalesce(:now::timestamptz, clock_timestamp())
                + make_interval(secs => :soon_seconds::double precision)
        )
    ) AS notified,
    (
        SELECT pg_notify(:channel::text, 'lane')
        WHERE EXISTS (
            SELECT 1
            FROM stored
            WHERE lane IS NOT NULL AND execution_time <= coalesce(:now::timestamptz, clock_timestamp())
                + make_interval(secs => :soon_seconds::double precision)
        )
    ) AS lane_notified
FROM stored;
