-- The ledger of applied migrations.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
