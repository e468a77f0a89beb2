-- The newest applied migration.
SELECT coalesce(pg_catalog.max(version), 0) AS version
FROM :"schema".scheduled_job_migrations;
