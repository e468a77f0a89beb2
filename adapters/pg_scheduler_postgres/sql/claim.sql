-- Lease due jobs of known names to a worker, most urgent first; what is too late for its first start ends
-- expired instead. Jobs that stand in lanes are not seen here; a job of a limited task that was stored
-- without one (the limit is younger) is sorted into its lane now. Ranks are visited one by one, each as a
-- range of the due index that ends at now(): a million future jobs of an urgent rank cost one index probe,
-- not a scan. The nested loop yields rows in order and stops at the limit, so no row is locked that is not
-- taken. While a transaction somewhere stays open, what was claimed since stands in the index as entries
-- that nobody can remove, and each look would step over all of them: ranks with a mark are believed to have
-- jobs without looking for the first, and are read from their mark on.
WITH RECURSIVE
-- One mark per rank at most: nothing that is to be claimed stands before it.
marks (priority, execution_time, job_id) AS MATERIALIZED (
    SELECT * FROM unnest(:mark_ranks::integer[], :mark_times::timestamptz[], :mark_ids::text[])
),
-- The ranks that pending jobs have, the most urgent first, each the next after the one before.
ranks (priority) AS (
    SELECT least(
        (
            SELECT job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority < coalesce(
                    (SELECT pg_catalog.min(marks.priority) FROM marks), 2147483648::bigint
                )
            ORDER BY job.priority
            LIMIT 1
        ),
        (SELECT pg_catalog.min(marks.priority) FROM marks)
    )
    UNION ALL
    SELECT least(
        (
            SELECT job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority > ranks.priority
                AND job.priority < coalesce(
                    (SELECT pg_catalog.min(marks.priority) FROM marks WHERE marks.priority > ranks.priority),
                    2147483648::bigint
                )
            ORDER BY job.priority
            LIMIT 1
        ),
        (SELECT pg_catalog.min(marks.priority) FROM marks WHERE marks.priority > ranks.priority)
    )
    FROM ranks
    WHERE ranks.priority IS NOT NULL
),
-- The first due jobs, locked, and what is to become of each.
locked AS MATERIALIZED (
    SELECT
        first.job_id,
        first.is_late AND NOT first.is_limited AND NOT first.was_paused AS is_late,
        -- What a pause may have held up is for its lane to judge.
        first.is_limited OR (first.is_late AND first.was_paused) AS is_limited
    FROM (
        SELECT of_rank.job_id, of_rank.is_late, of_rank.is_limited, of_rank.was_paused
        FROM ranks
        LEFT JOIN marks AS mark ON mark.priority = ranks.priority
        CROSS JOIN LATERAL (
            SELECT
                job.job_id,
                -- include: is_late AS is_late,
                job.job_name = ANY (
                    ARRAY(
                        SELECT limits.task_name
                        FROM :"schema".scheduled_job_limits AS limits
                        WHERE limits.paused OR limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL
                    )
                ) AS is_limited,
                job.job_name = ANY (
                    ARRAY(
                        SELECT limits.task_name
                        FROM :"schema".scheduled_job_limits AS limits
                        WHERE limits.resumed_at IS NOT NULL
                    )
                ) AS was_paused
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority = ranks.priority
                AND job.execution_time <= :NOW
                AND (job.execution_time, job.job_id)
                    >= (coalesce(mark.execution_time, '-infinity'), coalesce(mark.job_id, '') COLLATE "C")
                AND job.job_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
            -- include: claim_order
            LIMIT (SELECT :limit::integer)
            FOR UPDATE SKIP LOCKED
        ) AS of_rank
        LIMIT (SELECT :limit::integer)
    ) AS first
    -- As many as a claim may ask for. The planner, which is not told the limit above, takes it for a share of
    -- the table, and would think that a plan for every single claim is worth its while.
    LIMIT 1000
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
)
SELECT
    started.*,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, :expired_status::text || ' ' || misfired.job_id)
        )
        FROM misfired
        WHERE misfired.awaited
    ) AS finished_notified,
    (SELECT pg_catalog.array_agg(misfired.job_id ORDER BY misfired.job_id) FROM misfired) AS expired_ids,
    (SELECT pg_catalog.count(*) FROM sorted) AS sorted_count,
    next_due.wait_seconds,
    CASE WHEN (SELECT pg_catalog.count(*) FROM locked) < :limit::integer THEN EXISTS (
        -- Due jobs that were not locked, as others hold them: there are none, mostly, and of many that are
        -- due the first of each rank tell enough.
        SELECT 1
        FROM ranks
        CROSS JOIN LATERAL (
            SELECT job.job_id, job.job_name
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority = ranks.priority
                AND job.execution_time <= :NOW
            -- include: claim_order
            LIMIT 1000
        ) AS first
        WHERE first.job_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
            AND first.job_id NOT IN (SELECT locked.job_id FROM locked)
    ) ELSE false END AS passed_over,
    extract(
        EPOCH FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()
    )::double precision AS look_seconds
FROM (
    -- Seconds until the next job becomes due, unless there may be more that are due already.
    SELECT CASE WHEN (SELECT pg_catalog.count(*) FROM locked) < :limit::integer THEN (
        SELECT extract(EPOCH FROM pg_catalog.min(first.execution_time) - :NOW)
        FROM ranks
        CROSS JOIN LATERAL (
            SELECT job.execution_time
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NULL
                AND job.priority = ranks.priority
                AND job.execution_time > :NOW
                AND job.execution_time < 'infinity'
            ORDER BY job.execution_time
            LIMIT 1
        ) AS first
    ) END::double precision AS wait_seconds
) AS next_due
LEFT JOIN started ON true;
