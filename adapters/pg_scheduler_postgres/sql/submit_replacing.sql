-- Store jobs; a taken id takes the new definition. A running attempt keeps its lease and its epoch: the
-- new version waits in the row, marked superseded, until that attempt ends.
WITH stored AS (
    INSERT INTO :"schema".scheduled_jobs AS job (
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
    ON CONFLICT (job_id) DO UPDATE SET
        job_name = EXCLUDED.job_name,
        execution_time = EXCLUDED.execution_time,
        task_data = EXCLUDED.task_data,
        priority = EXCLUDED.priority,
        max_retries = EXCLUDED.max_retries,
        misfire_grace_time = EXCLUDED.misfire_grace_time,
        timeout_seconds = EXCLUDED.timeout_seconds,
        backoff = EXCLUDED.backoff,
        store_result = EXCLUDED.store_result,
        schedule_key = EXCLUDED.schedule_key,
        schedule_window = NULL,
        exclusive_key = EXCLUDED.exclusive_key,
        exclusive_wait = EXCLUDED.exclusive_wait,
        payload = EXCLUDED.payload,
        headers = EXCLUDED.headers,
        dedupe_key = EXCLUDED.dedupe_key,
        lane = EXCLUDED.lane,
        progress_done = NULL,
        progress_total = NULL,
        superseded = job.status = 'running',
        status = CASE WHEN job.status = 'running' THEN 'running' ELSE 'pending' END,
        epoch = CASE WHEN job.status = 'running' THEN job.epoch ELSE job.epoch + 1 END,
        attempt_count = CASE WHEN job.status = 'running' THEN job.attempt_count ELSE 0 END,
        retry_count = CASE WHEN job.status = 'running' THEN job.retry_count ELSE 0 END,
        crash_count = CASE WHEN job.status = 'running' THEN job.crash_count ELSE 0 END,
        started_at = CASE WHEN job.status = 'running' THEN job.started_at END,
        worker_id = CASE WHEN job.status = 'running' THEN job.worker_id END,
        cancel_requested_at = CASE WHEN job.status = 'running' THEN job.cancel_requested_at END,
        finished_at = NULL,
        error_message = NULL,
        result = NULL
    RETURNING job.job_id, job.execution_time, job.lane, job.xmax = 0 AS inserted
)
SELECT
    stored.job_id,
    stored.inserted,
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
