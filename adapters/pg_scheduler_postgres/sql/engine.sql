-- Which database this is, by what it says of itself, and by marks that only some have.
SELECT
    pg_catalog.version() AS version_text,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    ARRAY(SELECT extension.extname::text FROM pg_catalog.pg_extension AS extension) AS extensions,
    EXISTS (
        SELECT 1 FROM pg_catalog.pg_proc AS proc WHERE proc.proname::text = 'aurora_version'
    ) AS aurora,
    EXISTS (
        SELECT 1 FROM pg_catalog.pg_settings AS setting WHERE setting.name::text LIKE 'alloydb.%'
    ) AS alloydb;
