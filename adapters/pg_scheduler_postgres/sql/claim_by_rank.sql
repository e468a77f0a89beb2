-- As `claim`, where no marks are given and no two streams have one rank: what one gives comes before all
-- that the next one has, so nobody needs to look before what is most urgent. If two do, nothing is taken: who
-- asks is told, and asks `claim`. Else a part of the jobs would wait, claimed, for the answer about the
-- others, and less urgent ones could start before them elsewhere.
WITH RECURSIVE
-- include: streams_without_marks,
-- include: ruled,
-- Ranks of several streams.
shared AS MATERIALIZED (
    SELECT streams.priority
    FROM streams
    GROUP BY streams.priority
    HAVING pg_catalog.count(*) > 1
),
-- The first jobs of each stream, locked, but for those that somebody else holds.
taken AS MATERIALIZED (
    SELECT first.job_id, first.is_late, stream.is_limited, stream.was_paused
    FROM (
        SELECT ruled.*
        FROM ruled
        WHERE NOT EXISTS (SELECT 1 FROM shared)
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
