-- What a grace counts from: when a pause ended, when a lane was last seen full. And where the attempt of a
-- job takes its place while the row has another definition already.
ALTER TABLE :"schema".scheduled_job_limits
    ADD COLUMN IF NOT EXISTS resumed_at TIMESTAMPTZ;

ALTER TABLE :"schema".scheduled_job_lanes
    ADD COLUMN IF NOT EXISTS full_at TIMESTAMPTZ;

ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS counts_epoch BIGINT,
    ADD COLUMN IF NOT EXISTS counts_name TEXT,
    ADD COLUMN IF NOT EXISTS counts_lane TEXT COLLATE "C";

-- Next to nothing is in it: jobs that were given a new definition while they ran, until they have ended.
CREATE INDEX IF NOT EXISTS scheduled_jobs_counted_apart
    ON :"schema".scheduled_jobs (counts_name, counts_lane)
    WHERE status = 'running' AND counts_epoch IS NOT NULL;
