-- Lease due jobs of known names to a worker, most urgent first; what is too late for its first start ends
-- expired instead. Jobs that stand in lanes are not seen here; a job of a limited task or queue that was
-- stored without one (the limit is younger) is sorted into its lane now. Streams are visited one by one, each
-- as a range of its index that ends at now(): a million future jobs of an urgent rank cost one index probe,
-- not a scan, and so does a million due jobs of a queue or task that the worker does not take. The nested
-- loops yield rows in order and stop at the limit, so no row is locked that is not taken.
WITH RECURSIVE
-- include: streams,
-- include: ruled,
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
-- Both.
taken AS MATERIALIZED (
    SELECT * FROM wanted
    UNION ALL
    SELECT * FROM instead
),
-- include: take_over;
