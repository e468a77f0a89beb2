-- As `claim`, where no marks are given and no two streams have one rank: what one gives comes before all that
-- the next one has, so nobody needs to look before what is most urgent. The streams that do share a rank, and
-- those behind them, are left alone; who asks is told and asks `claim` for the rest.
WITH RECURSIVE
-- include: streams_without_marks,
-- include: ruled,
-- The first rank of several streams, if there is one.
shared AS MATERIALIZED (
    SELECT pg_catalog.min(twice.priority) AS priority
    FROM (
        SELECT streams.priority
        FROM streams
        GROUP BY streams.priority
        HAVING pg_catalog.count(*) > 1
    ) AS twice
),
-- The first jobs of each stream, locked, but for those that somebody else holds.
taken AS MATERIALIZED (
    SELECT first.job_id, first.is_late, stream.is_limited, stream.was_paused
    FROM (
        SELECT ruled.*
        FROM ruled
        CROSS JOIN shared
        WHERE coalesce(ruled.priority < shared.priority, true)
        ORDER BY ruled.priority
    ) AS stream
    CROSS JOIN LATERAL (
        -- include: due_of_stream
        -- include: claim_order
        -- As many as a claim may ask for, said as a number: see `claim`.
        LIMIT 1000
        FOR UPDATE SKIP LOCKED
    ) AS first
    LIMIT (SELECT :limit::integer)
),
-- include: take_over;
