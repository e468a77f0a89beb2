-- As submit.sql, for one job: no arrays to build and take apart, and the signal leaves with the row.
INSERT INTO :"schema".scheduled_jobs (
    job_id, job_name, execution_time, task_data, created_at, priority, max_retries,
    misfire_grace_time, timeout_seconds, backoff, store_result, schedule_key, exclusive_key,
    exclusive_wait, payload, headers, dedupe_key, lane
)
VALUES (
    :job_id::text, :job_name::text,
    coalesce(
        coalesce(:now::timestamptz, now()) + make_interval(secs => :delay::double precision), :execution_time::timestamptz
    ),
    :task_data::text::jsonb, coalesce(:now::timestamptz, now()), :priority::integer, :max_retries::integer,
    :misfire_grace_time::integer, :timeout::double precision, :backoff::text::jsonb, :store_result::boolean,
    :schedule_key::text, :exclusive_key::text, :exclusive_wait::boolean, :payload::bytea,
    :headers::text::jsonb, :dedupe_key::text,
    coalesce(
        :limit_key::text,
        (SELECT '' FROM :"schema".scheduled_job_limits AS limits WHERE limits.task_name = :job_name::text)
    )
)
ON CONFLICT DO NOTHING
RETURNING
    job_id,
    true AS inserted,
    CASE
        WHEN execution_time <= coalesce(:now::timestamptz, clock_timestamp())
            + make_interval(secs => :soon_seconds::double precision)
        THEN pg_notify(:channel::text, CASE WHEN lane IS NULL THEN 'due' ELSE 'lane' END)
    END AS notified;
