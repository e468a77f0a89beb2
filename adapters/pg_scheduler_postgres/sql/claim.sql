-- Lease due jobs of known names to a worker, most urgent first; what is too late for its first start
-- ends expired instead. Jobs that stand in lanes are not seen here; a job of a limited task that was stored
-- without one (the limit is younger) is sorted into its lane now. Ranks are visited one by one, each as a range
-- of the due index that ends at now(): a million future jobs of an urgent rank cost one index probe, not a scan.
-- The nested loop yields rows in order and stops at the limit, so no row is locked that is not taken.
-- While a transaction somewhere stays open, what was claimed since stands in the index as entries that nobody
-- can remove, and each look would step over all of them: ranks with a mark are believed to have jobs without
-- looking for the first, and are read from their mark on.
WITH RECURSIVE marks (priority, execution_time, job_id) AS MATERIALIZED (
    SELECT * FROM unnest(:mark_ranks::integer[], :mark_times::timestamptz[], :mark_ids::text[])
),
ranks (priority) AS (
    SELECT least(
        (
            SELECT job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending' AND job.lane IS NULL
                AND job.priority < coalesce((SELECT min(marks.priority) FROM marks), 2147483648::bigint)
            ORDER BY job.priority
            LIMIT 1
        ),
        (SELECT min(marks.priority) FROM marks)
    )
    UNION ALL
    SELECT least(
        (
            SELECT job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending' AND job.lane IS NULL AND job.priority > ranks.priority
                AND job.priority < coalesce(
                    (SELECT min(marks.priority) FROM marks WHERE marks.priority > ranks.priority),
                    2147483648::bigint
                )
            ORDER BY job.priority
            LIMIT 1
        ),
        (SELECT min(marks.priority) FROM marks WHERE marks.priority > ranks.priority)
    )
    FROM ranks
    WHERE ranks.priority IS NOT NULL
),
due AS MATERIALIZED (
    SELECT first.job_id, first.late, first.limited
    FROM (
        SELECT of_rank.job_id, of_rank.late, of_rank.limited
        FROM ranks
        LEFT JOIN marks AS mark ON mark.priority = ranks.priority
        CROSS JOIN LATERAL (
            SELECT
                job.job_id,
                job.misfire_grace_time IS NOT NULL
                    AND job.started_at IS NULL
                    AND job.retry_count = 0
                    AND coalesce(:now::timestamptz, now())
                        > job.execution_time + make_interval(secs => greatest(job.misfire_grace_time, :start_tolerance::double precision)) AS late,
                job.job_name = ANY (ARRAY(SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits)) AS limited
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority = ranks.priority
                AND job.execution_time <= coalesce(:now::timestamptz, now())
                AND (job.execution_time, job.job_id)
                    >= (coalesce(mark.execution_time, '-infinity'), coalesce(mark.job_id, '') COLLATE "C")
                AND job.job_name = ANY (:task_names::text[])
            ORDER BY job.execution_time, job.job_id
            LIMIT :limit::integer
            FOR UPDATE SKIP LOCKED
        ) AS of_rank
        LIMIT :limit::integer
    ) AS first
    -- As many as a claim may ask for. The planner, which is not told the limit above, takes it for a share of
    -- the table, and would think that a plan for every single claim is worth its while.
    LIMIT 1000
),
taken AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = 'running',
        epoch = job.epoch + 1,
        worker_id = :worker_id::text,
        started_at = coalesce(:now::timestamptz, now()),
        last_heartbeat = coalesce(:now::timestamptz, now()),
        lease_until = coalesce(:now::timestamptz, now())
            + make_interval(secs => :lease_seconds::double precision),
        attempt_count = job.attempt_count + 1
    WHERE job.job_id = ANY (ARRAY(SELECT due.job_id FROM due WHERE NOT due.late AND NOT due.limited))
    RETURNING
        job.job_id, job.job_name, job.task_data::text AS task_data, job.execution_time, job.priority,
        job.epoch, job.attempt_count, job.retry_count, job.max_retries, job.timeout_seconds,
        job.backoff::text AS backoff, job.store_result, job.schedule_key, job.exclusive_key, job.exclusive_wait,
        job.schedule_window, job.payload, job.headers::text AS headers, job.lane, job.created_at
),
sorted AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET lane = ''
    WHERE job.job_id = ANY (ARRAY(SELECT due.job_id FROM due WHERE due.limited AND NOT due.late))
    RETURNING job.job_id
),
expired AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = :expired_status::text,
        finished_at = coalesce(:now::timestamptz, now()),
        error_message = :expired_message::text
    WHERE job.job_id = ANY (ARRAY(SELECT due.job_id FROM due WHERE due.late))
    RETURNING job.job_id, job.awaited
)
SELECT
    taken.*,
    (
        SELECT count(pg_notify(:finished_channel::text, :expired_status::text || ' ' || ended.job_id))
        FROM expired AS ended
        WHERE ended.awaited
    ) AS finished_notified,
    (SELECT array_agg(expired.job_id ORDER BY expired.job_id) FROM expired) AS expired_ids,
    (SELECT count(*) FROM sorted) AS sorted_count,
    next_due.wait_seconds,
    extract(EPOCH FROM clock_timestamp() - statement_timestamp())::double precision AS look_seconds
FROM (
    SELECT CASE WHEN (SELECT count(*) FROM due) < :limit::integer THEN (
        SELECT extract(EPOCH FROM min(first.execution_time) - coalesce(:now::timestamptz, now()))
        FROM ranks
        CROSS JOIN LATERAL (
            SELECT job.execution_time
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority = ranks.priority
                AND job.execution_time > coalesce(:now::timestamptz, now())
                AND job.execution_time < 'infinity'
            ORDER BY job.execution_time
            LIMIT 1
        ) AS first
    ) END::double precision AS wait_seconds
) AS next_due
LEFT JOIN taken ON true;
