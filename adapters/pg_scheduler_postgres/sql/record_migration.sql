-- Note that a migration has been applied; when a lost table is healed, it is applied again.
INSERT INTO :"schema".scheduled_job_migrations (version, name)
VALUES (:version::integer, :name::text)
ON CONFLICT (version) DO UPDATE SET name = EXCLUDED.name, applied_at = pg_catalog.clock_timestamp();
