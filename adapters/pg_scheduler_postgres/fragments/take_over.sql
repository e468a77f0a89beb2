-- All that are locked, and what is to become of each.
locked AS MATERIALIZED (
    SELECT
        first.job_id,
        first.is_late AND NOT first.is_limited AND NOT first.was_paused AS is_late,
        -- What a pause may have held up is for its lane to judge.
        first.is_limited OR (first.is_late AND first.was_paused) AS is_limited
    FROM taken AS first
),
-- Jobs that start.
started AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: lease_to_worker
    WHERE job.job_id = ANY (
        ARRAY(SELECT locked.job_id FROM locked WHERE NOT locked.is_late AND NOT locked.is_limited)
    )
    RETURNING
        -- include: claimed_columns
),
-- Jobs that `claim_lanes` sees from now on.
sorted AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET lane = ''
    WHERE job.job_id = ANY (
        ARRAY(SELECT locked.job_id FROM locked WHERE locked.is_limited)
    )
    RETURNING job.job_id
),
-- Jobs that were too late to start.
misfired AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: expire
    WHERE job.job_id = ANY (ARRAY(SELECT locked.job_id FROM locked WHERE locked.is_late))
    RETURNING job.job_id, job.awaited
),
-- What is said once of all.
answer AS (
    SELECT
        (
            SELECT pg_catalog.count(
                pg_catalog.pg_notify(:finished_channel::text, :expired_status::text || ' ' || misfired.job_id)
            )
            FROM misfired
            WHERE misfired.awaited
        ) AS finished_notified,
        (SELECT pg_catalog.array_agg(misfired.job_id ORDER BY misfired.job_id) FROM misfired) AS expired_ids,
        (SELECT pg_catalog.count(*) FROM sorted) AS sorted_count,
        (
            SELECT pg_catalog.count(*) > pg_catalog.count(DISTINCT streams.priority)
            FROM streams
        ) AS ranks_are_shared,
        -- Seconds until the next job becomes due, unless there may be more that are due already.
        CASE WHEN (SELECT pg_catalog.count(*) FROM locked) < :limit::integer THEN (
            SELECT extract(EPOCH FROM pg_catalog.min(first.execution_time) - :NOW)
            FROM streams AS stream
            CROSS JOIN LATERAL (
                SELECT job.execution_time
                FROM :"schema".scheduled_jobs AS job
                WHERE
                    -- include: of_stream
                    AND job.execution_time > :NOW
                    AND job.execution_time < 'infinity'
                ORDER BY job.execution_time
                LIMIT 1
            ) AS first
        ) END::double precision AS wait_seconds,
        CASE WHEN (SELECT pg_catalog.count(*) FROM locked) < :limit::integer THEN EXISTS (
            -- Due jobs that were not locked, as others hold them: there are none, mostly, and of many that
            -- are due the first of each stream tell enough.
            SELECT 1
            FROM streams AS stream
            CROSS JOIN LATERAL (
                SELECT job.job_id
                FROM :"schema".scheduled_jobs AS job
                WHERE
                    -- include: of_stream
                    AND job.execution_time <= :NOW
                ORDER BY job.execution_time, job.job_id
                LIMIT 1000
            ) AS first
            WHERE first.job_id NOT IN (SELECT locked.job_id FROM locked)
        ) ELSE false END AS passed_over,
        extract(
            EPOCH FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()
        )::double precision AS look_seconds
)
-- A row for each job, and one for the answer.
SELECT *
FROM started
FULL JOIN answer ON false
