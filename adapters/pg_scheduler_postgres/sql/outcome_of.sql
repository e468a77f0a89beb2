-- What became of a transaction: committed, aborted or in progress; NULL if the server has forgotten it.
-- Another server, or this one after a crash, knows of nothing but commits: whether anything else was rolled
-- back, or lost although it was confirmed (the replica lagged, or synchronous_commit is off), is unknown.
SELECT CASE
    WHEN pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text
        = pg_catalog.split_part(:token::text, ' ', 2)
    THEN pg_catalog.pg_xact_status(given.number)
    -- Of a number that is yet to come the server tells nothing but an error.
    WHEN given.number < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())
    THEN CASE pg_catalog.pg_xact_status(given.number) WHEN 'committed' THEN 'committed' ELSE 'unknown' END
    ELSE 'unknown'
END AS outcome
FROM (SELECT pg_catalog.split_part(:token::text, ' ', 1)::xid8 AS number) AS given;
