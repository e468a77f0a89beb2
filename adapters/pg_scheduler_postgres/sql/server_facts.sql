-- What the server is set to and does that jobs suffer from: its settings, transactions that stay open, the
-- state of the tables, and what this role may do with them. It reads the server's catalogs alone.
WITH
-- This schema's tables, as far as they are there.
tables AS MATERIALIZED (
    SELECT
        class.oid, class.relname AS name, class.reloptions,
        stats.n_live_tup AS live, stats.n_dead_tup AS dead,
        pg_catalog.pg_total_relation_size(class.oid) AS bytes,
        pg_catalog.date_part(
            'epoch', pg_catalog.clock_timestamp() - greatest(stats.last_vacuum, stats.last_autovacuum)
        ) AS vacuumed_seconds_ago
    FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_stat_all_tables AS stats ON stats.relid = class.oid
    WHERE namespace.nspname = :schema_name::text
        AND class.relname = ANY (:tables::text[])
        AND class.relkind IN ('r', 'p')
),
-- What a worker needs there, and this role may not do.
lacking AS (
    SELECT needed.privilege || ' on ' || tables.name AS privilege
    FROM tables
    CROSS JOIN LATERAL pg_catalog.unnest(
        CASE
            WHEN tables.name = :ledger::text THEN '{SELECT}'::text[]
            ELSE '{SELECT,INSERT,UPDATE,DELETE}'::text[]
        END
    ) AS needed (privilege)
    WHERE NOT pg_catalog.has_table_privilege(tables.oid, needed.privilege)
),
-- Transactions that have been open for long in this database; of prepared ones no process is left.
open_ones AS (
    SELECT activity.pid, activity.application_name AS name, activity.usename::text AS role_name,
        activity.state, activity.backend_xid::text AS xid,
        activity.backend_xid IS NOT NULL OR activity.backend_xmin IS NOT NULL AS pins,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - activity.xact_start) AS seconds
    FROM pg_catalog.pg_stat_activity AS activity
    WHERE activity.datname = pg_catalog.current_database()
        AND activity.pid <> pg_catalog.pg_backend_pid()
        AND activity.backend_type = 'client backend'
    UNION ALL
    SELECT NULL, ready.gid, ready.owner::text, 'prepared', ready.transaction::text, true,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - ready.prepared)
    FROM pg_catalog.pg_prepared_xacts AS ready
    WHERE ready.database = pg_catalog.current_database()
),
-- The oldest of them.
oldest AS (
    SELECT open_ones.*
    FROM open_ones
    WHERE open_ones.seconds >= :open_seconds::double precision
    ORDER BY open_ones.seconds DESC, open_ones.pid
    LIMIT (SELECT :most_transactions::integer)
)
SELECT
    pg_catalog.current_setting('server_version_num')::integer AS version,
    pg_catalog.current_setting('server_version') AS version_text,
    pg_catalog.current_database()::text AS database,
    CURRENT_USER::text AS role_name,
    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    pg_catalog.current_setting('fsync')::boolean AS fsync,
    pg_catalog.current_setting('synchronous_commit') AS synchronous_commit,
    pg_catalog.current_setting('autovacuum')::boolean AND NOT EXISTS (
        SELECT 1
        FROM tables
        WHERE tables.name = :jobs_table::text AND 'autovacuum_enabled=false' = ANY (tables.reloptions)
    ) AS autovacuum,
    (
        SELECT pg_catalog.count(*)::integer
        FROM pg_catalog.pg_stat_activity AS activity
        WHERE activity.backend_type = 'client backend'
    ) AS connections,
    pg_catalog.current_setting('max_connections')::integer
        - pg_catalog.current_setting('superuser_reserved_connections')::integer AS connections_at_most,
    (SELECT pg_catalog.array_agg(lacking.privilege ORDER BY lacking.privilege) FROM lacking) AS may_not,
    (
        SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(oldest) ORDER BY oldest.seconds DESC)::text
        FROM oldest
    ) AS transactions,
    (
        SELECT pg_catalog.jsonb_agg(
            pg_catalog.jsonb_build_object(
                'name', tables.name, 'live', tables.live, 'dead', tables.dead, 'bytes', tables.bytes,
                'vacuumed_seconds_ago', tables.vacuumed_seconds_ago
            )
            ORDER BY tables.name
        )::text
        FROM tables
    ) AS tables;
