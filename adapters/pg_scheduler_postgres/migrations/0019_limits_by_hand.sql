-- Limits of tasks that somebody has set by hand hold until he ends them; what code says meanwhile is kept
-- beside them.
ALTER TABLE :"schema".scheduled_job_limits
    ADD COLUMN IF NOT EXISTS by_hand BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS code_concurrency INTEGER,
    ADD COLUMN IF NOT EXISTS code_rate DOUBLE PRECISION;
