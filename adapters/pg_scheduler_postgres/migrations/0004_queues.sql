-- What the queue side needs: payloads, dedupe keys, lanes with limits, waiting for an end, progress.
ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS payload BYTEA,
    ADD COLUMN IF NOT EXISTS headers JSONB,
    ADD COLUMN IF NOT EXISTS dedupe_key TEXT COLLATE "C",
    ADD COLUMN IF NOT EXISTS lane TEXT COLLATE "C",
    ADD COLUMN IF NOT EXISTS awaited BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS progress_done DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS progress_total DOUBLE PRECISION;

-- Tasks with limits, and paused ones.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_limits (
    task_name TEXT COLLATE "C" PRIMARY KEY,
    concurrency INTEGER,
    rate DOUBLE PRECISION,
    paused BOOLEAN NOT NULL DEFAULT false,
    changed_at TIMESTAMPTZ NOT NULL
);

-- One row per lane that was claimed from lately: which transaction did so last, and the state of its rate.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_lanes (
    task_name TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    claimed_in XID8 NOT NULL,
    claimed_at TIMESTAMPTZ NOT NULL,
    refilled_at TIMESTAMPTZ,
    granted INTEGER NOT NULL,
    PRIMARY KEY (task_name, lane)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000);

CREATE UNIQUE INDEX IF NOT EXISTS scheduled_jobs_dedupe
    ON :"schema".scheduled_jobs (dedupe_key)
    WHERE dedupe_key IS NOT NULL AND status IN ('pending', 'running');

-- The claim reads this index only, one range per rank; finished rows are not in it. It leaves out what
-- stands in lanes: a full lane cannot get in the way of others. Its predecessor did not.
CREATE INDEX IF NOT EXISTS scheduled_jobs_ready
    ON :"schema".scheduled_jobs (priority, execution_time, job_id)
    WHERE status = 'pending' AND lane IS NULL;
DROP INDEX IF EXISTS :"schema".scheduled_jobs_due;

CREATE INDEX IF NOT EXISTS scheduled_jobs_in_lanes
    ON :"schema".scheduled_jobs (job_name, lane, priority, execution_time, job_id)
    WHERE status = 'pending' AND lane IS NOT NULL;

CREATE INDEX IF NOT EXISTS scheduled_jobs_lane_runs
    ON :"schema".scheduled_jobs (job_name, lane)
    WHERE status = 'running' AND lane IS NOT NULL;
