-- What lists read in the order of time. No job that completes outside lanes stands in either: those are read
-- by task and stream.
CREATE INDEX IF NOT EXISTS scheduled_jobs_unsuccessful
    ON :"schema".scheduled_jobs (finished_at, job_id)
    WHERE status IN ('failed', 'cancelled', 'expired');

CREATE INDEX IF NOT EXISTS scheduled_jobs_laned_by_time
    ON :"schema".scheduled_jobs (execution_time, job_id)
    WHERE status = 'pending' AND lane IS NOT NULL;

-- Which jobs somebody meant, as JSON, and which he changed.
ALTER TABLE :"schema".scheduled_job_audit
    ADD COLUMN IF NOT EXISTS selection JSONB;

CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_audit_jobs (
    audit_id BIGINT NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (audit_id, job_id)
);

-- What kind of failure a failed job is.
ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS error_group TEXT COLLATE "C",
    ADD COLUMN IF NOT EXISTS error_type TEXT,
    ADD COLUMN IF NOT EXISTS error_frame TEXT;

CREATE INDEX IF NOT EXISTS scheduled_jobs_failures
    ON :"schema".scheduled_jobs (error_group, finished_at, job_id)
    WHERE status = 'failed' AND error_group IS NOT NULL;
