-- An index that was begun with CONCURRENTLY and is not complete: somebody builds it now, or gave it up.
SELECT pg_class.relname AS name
FROM pg_catalog.pg_class
JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pg_class.relnamespace
JOIN pg_catalog.pg_index ON pg_index.indexrelid = pg_class.oid
WHERE pg_namespace.nspname = :schema_name::text
    AND pg_class.relname = :index_name::text
    AND NOT pg_index.indisvalid;
