-- What the engine needs besides. Every added column has a constant default, so that no row is rewritten
-- and a worker of the version before can go on inserting.

-- Older installations allow NULL where the engine decides; a NULL would hide a job from every claim.
UPDATE :"schema".scheduled_jobs
SET status = coalesce(status, 'pending'),
    priority = coalesce(priority, 5),
    retry_count = coalesce(retry_count, 0),
    max_retries = coalesce(max_retries, 0),
    created_at = coalesce(created_at, CURRENT_TIMESTAMP)
WHERE status IS NULL OR priority IS NULL OR retry_count IS NULL OR max_retries IS NULL OR created_at IS NULL;

ALTER TABLE :"schema".scheduled_jobs
    ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN priority SET NOT NULL,
    ALTER COLUMN retry_count SET NOT NULL,
    ALTER COLUMN max_retries SET NOT NULL,
    ALTER COLUMN created_at SET NOT NULL,
    ADD COLUMN IF NOT EXISTS epoch BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS attempt_count INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS crash_count INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS started_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS finished_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS cancel_requested_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS superseded BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS timeout_seconds DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS backoff JSONB,
    ADD COLUMN IF NOT EXISTS store_result BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS result JSONB;

-- Room on each page for the updates a job lives through, and a vacuum that keeps up with a queue.
ALTER TABLE :"schema".scheduled_jobs SET (
    fillfactor = 75,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
);

-- What runs now: a few rows. The lease is not part of the index, so renewing it stays a cheap update.
CREATE INDEX IF NOT EXISTS scheduled_jobs_running
    ON :"schema".scheduled_jobs (job_id)
    WHERE status = 'running';

-- Attempts that did not simply complete their job.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_attempts (
    job_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ NOT NULL,
    outcome TEXT NOT NULL,
    error_message TEXT,
    traceback TEXT,
    PRIMARY KEY (job_id, epoch)
);

-- Workers that live.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_workers (
    worker_id TEXT PRIMARY KEY,
    hostname TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL
);
