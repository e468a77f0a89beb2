-- Schedules as rows, the jobs of their windows, and what retention needs.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_schedules (
    schedule_key TEXT COLLATE "C" PRIMARY KEY,
    task_name TEXT NOT NULL,
    spec JSONB NOT NULL,
    spec_hash TEXT NOT NULL,
    older_hashes TEXT[] NOT NULL DEFAULT '{}',
    task_data JSONB NOT NULL,
    priority INTEGER NOT NULL,
    max_retries INTEGER NOT NULL,
    misfire_grace_time INTEGER,
    timeout_seconds DOUBLE PRECISION,
    backoff JSONB,
    exclusive BOOLEAN NOT NULL,
    contention TEXT NOT NULL,
    origin TEXT NOT NULL,
    waits BOOLEAN NOT NULL,
    paused BOOLEAN NOT NULL,
    retired BOOLEAN NOT NULL DEFAULT false,
    mark TIMESTAMPTZ,
    next_window TIMESTAMPTZ,
    run_count BIGINT NOT NULL DEFAULT 0,
    skipped_count BIGINT NOT NULL DEFAULT 0,
    last_job_id TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    heartbeat TIMESTAMPTZ NOT NULL
);

CREATE INDEX IF NOT EXISTS scheduled_job_schedules_due
    ON :"schema".scheduled_job_schedules (next_window)
    WHERE NOT paused AND NOT retired;

ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS schedule_key TEXT,
    ADD COLUMN IF NOT EXISTS schedule_window TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS exclusive_key TEXT,
    ADD COLUMN IF NOT EXISTS exclusive_wait BOOLEAN NOT NULL DEFAULT true;

-- Is a run of this schedule unfinished? Jobs of no schedule are not in it.
CREATE INDEX IF NOT EXISTS scheduled_jobs_of_schedule
    ON :"schema".scheduled_jobs (schedule_key)
    WHERE schedule_key IS NOT NULL AND status IN ('pending', 'running');

-- Jobs that finished before this column existed count from the last that is known of them.
UPDATE :"schema".scheduled_jobs
SET finished_at = coalesce(last_heartbeat, execution_time)
WHERE finished_at IS NULL AND status IN ('completed', 'failed', 'cancelled', 'expired');

CREATE INDEX IF NOT EXISTS scheduled_jobs_finished
    ON :"schema".scheduled_jobs (status, job_name, finished_at, job_id)
    WHERE status IN ('completed', 'failed', 'cancelled', 'expired');

-- What retention deleted, by day.
CREATE TABLE IF NOT EXISTS :"schema".vacuum_stats (
    day DATE PRIMARY KEY,
    deleted_completed BIGINT NOT NULL DEFAULT 0,
    deleted_failed BIGINT NOT NULL DEFAULT 0,
    deleted_cancelled BIGINT NOT NULL DEFAULT 0,
    deleted_expired BIGINT NOT NULL DEFAULT 0,
    runs BIGINT NOT NULL DEFAULT 0,
    last_run TIMESTAMPTZ NOT NULL
);
