-- Whether somebody holds this advisory lock: read, not tried, so that two who look do not see each other.
SELECT EXISTS (
    SELECT 1
    FROM pg_catalog.pg_locks AS lock
    WHERE lock.locktype = 'advisory'
        AND lock.granted
        AND lock.objsubid = 1
        AND lock.classid::bigint = :key::bigint >> 32
        AND lock.objid::bigint = :key::bigint & 4294967295
        AND lock.database = (
            SELECT database.oid
            FROM pg_catalog.pg_database AS database
            WHERE database.datname = pg_catalog.current_database()
        )
) AS held;
