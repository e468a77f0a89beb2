-- Whether an advisory lock locks: some servers have the functions, and they do nothing. It ends with the
-- statement.
WITH
-- The lock.
taken AS MATERIALIZED (
    SELECT pg_catalog.pg_try_advisory_xact_lock(:key::bigint) AS got
)
SELECT taken.got AND NOT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_locks AS lock
    WHERE lock.locktype = 'advisory'
        AND lock.pid = pg_catalog.pg_backend_pid()
        AND lock.granted = taken.got
) AS in_vain
FROM taken;
