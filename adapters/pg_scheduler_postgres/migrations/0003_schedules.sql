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

-- The statistics of pg-scheduler 0.2.3 (`track_metrics=True`) go on as ours. It did not count its runs. A
-- table with other columns is none of its, and left as it is.
DO $body$
BEGIN
    ALTER TABLE :"schema".vacuum_stats RENAME COLUMN stat_date TO day;
    UPDATE :"schema".vacuum_stats
    SET deleted_completed = coalesce(deleted_completed, 0),
        deleted_failed = coalesce(deleted_failed, 0),
        deleted_cancelled = coalesce(deleted_cancelled, 0),
        last_run = coalesce(last_run, day::timestamp AT TIME ZONE 'UTC');
    ALTER TABLE :"schema".vacuum_stats
        ALTER COLUMN day DROP DEFAULT,
        ALTER COLUMN deleted_completed TYPE BIGINT,
        ALTER COLUMN deleted_completed SET NOT NULL,
        ALTER COLUMN deleted_failed TYPE BIGINT,
        ALTER COLUMN deleted_failed SET NOT NULL,
        ALTER COLUMN deleted_cancelled TYPE BIGINT,
        ALTER COLUMN deleted_cancelled SET NOT NULL,
        ADD COLUMN deleted_expired BIGINT NOT NULL DEFAULT 0,
        ADD COLUMN runs BIGINT NOT NULL DEFAULT 0,
        ALTER COLUMN last_run SET NOT NULL,
        DROP COLUMN worker_id;
EXCEPTION
    WHEN undefined_table OR undefined_column OR duplicate_column THEN NULL;
END
$body$;

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
