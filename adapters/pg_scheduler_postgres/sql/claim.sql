-- Lease due jobs of known names to a worker, most urgent first; what is too late for its first start ends
-- expired instead. Jobs that stand in lanes are not seen here; a job of a limited task or queue that was
-- stored without one (the limit is younger) is sorted into its lane now. Streams are visited one by one, each
-- as a range of its index that ends at now(): a million future jobs of an urgent rank cost one index probe,
-- not a scan, and so does a million due jobs of a queue or task that the worker does not take. The nested
-- loops yield rows in order and stop at the limit, so no row is locked that is not taken.
WITH RECURSIVE
-- include: streams,
-- What holds for all jobs of a stream: whether its task or queue has limits, and whether a pause may have
-- held it up.
ruled AS MATERIALIZED (
    SELECT
        streams.*,
        streams.job_name = ANY (
            ARRAY(
                SELECT limits.task_name
                FROM :"schema".scheduled_job_limits AS limits
                WHERE limits.paused OR limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL
            )
        ) OR streams.queue = ANY (
            ARRAY(
                SELECT queues.queue
                FROM :"schema".scheduled_job_queues AS queues
                WHERE queues.concurrency IS NOT NULL OR queues.rate IS NOT NULL
            )
        ) AS is_limited,
        streams.job_name = ANY (
            ARRAY(
                SELECT limits.task_name
                FROM :"schema".scheduled_job_limits AS limits
                WHERE limits.resumed_at IS NOT NULL
            )
        ) OR streams.queue = ANY (
            ARRAY(
                SELECT queues.queue
                FROM :"schema".scheduled_job_queues AS queues
                WHERE queues.resumed_at IS NOT NULL
            )
        ) AS was_paused
    FROM streams
),
-- Where there is but one stream, nobody needs to look before how much each is to give.
looking AS MATERIALIZED (
    SELECT -- include: depth AS depth
    FROM streams
    HAVING pg_catalog.count(*) > 1
),
-- include: urgent,
-- How many jobs each stream is to give, and how late they may be.
shares AS MATERIALIZED (
    SELECT
        urgent.queue, urgent.job_name, urgent.priority,
        pg_catalog.count(*)::integer AS jobs,
        pg_catalog.max(urgent.execution_time) AS until_time
    FROM urgent
    GROUP BY urgent.queue, urgent.job_name, urgent.priority
    UNION ALL
    SELECT streams.queue, streams.job_name, streams.priority, :limit::integer, 'infinity'
    FROM streams
    WHERE NOT EXISTS (SELECT 1 FROM looking)
),
-- The first of each, locked, but for those that somebody else holds.
wanted AS MATERIALIZED (
    SELECT first.job_id, first.is_late, stream.is_limited, stream.was_paused
    FROM (
        SELECT ruled.*, shares.jobs, shares.until_time
        FROM shares
        JOIN ruled USING (queue, job_name, priority)
        ORDER BY ruled.priority
    ) AS stream
    CROSS JOIN LATERAL (
        -- include: due_of_stream
            AND job.execution_time <= stream.until_time
        -- include: claim_order
        LIMIT stream.jobs
        FOR UPDATE SKIP LOCKED
    ) AS first
    -- As many as a claim may ask for. The planner, which is not told the limit above, takes it for a share of
    -- the table, and would think that a plan for every single claim is worth its while.
    LIMIT 1000
),
-- What streams have besides, where some could not give what they were to: others claim from them, too. Which
-- of one rank comes first is left to chance: jobs that a transaction holds for long look urgent all the time,
-- and would give all to their own stream, or to another one.
instead AS MATERIALIZED (
    SELECT first.job_id, first.is_late, stream.is_limited, stream.was_paused
    FROM (
        SELECT ruled.*
        FROM looking
        CROSS JOIN ruled
        WHERE (SELECT pg_catalog.count(*) FROM wanted) < (SELECT pg_catalog.count(*) FROM urgent)
        ORDER BY ruled.priority, pg_catalog.random()
    ) AS stream
    CROSS JOIN LATERAL (
        -- include: due_of_stream
            AND job.job_id <> ALL (ARRAY(SELECT wanted.job_id FROM wanted))
        -- include: claim_order
        LIMIT (SELECT :limit::integer - pg_catalog.count(*) FROM wanted)
        FOR UPDATE SKIP LOCKED
    ) AS first
    LIMIT (SELECT :limit::integer - pg_catalog.count(*) FROM wanted)
),
-- All that are locked, and what is to become of each.
locked AS MATERIALIZED (
    SELECT
        first.job_id,
        first.is_late AND NOT first.is_limited AND NOT first.was_paused AS is_late,
        -- What a pause may have held up is for its lane to judge.
        first.is_limited OR (first.is_late AND first.was_paused) AS is_limited
    FROM (
        SELECT * FROM wanted
        UNION ALL
        SELECT * FROM instead
    ) AS first
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
        -- due the first of each stream tell enough.
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
FROM (
    -- Seconds until the next job becomes due, unless there may be more that are due already.
    SELECT CASE WHEN (SELECT pg_catalog.count(*) FROM locked) < :limit::integer THEN (
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
    ) END::double precision AS wait_seconds
) AS next_due
LEFT JOIN started ON true;
