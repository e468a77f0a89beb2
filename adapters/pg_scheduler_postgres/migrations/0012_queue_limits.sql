-- Queues have limits, as tasks do. What a queue has given lately stands in `scheduled_job_lanes`, under the
-- task '' and its own name as the lane.
ALTER TABLE :"schema".scheduled_job_queues
    ADD COLUMN IF NOT EXISTS concurrency INTEGER,
    ADD COLUMN IF NOT EXISTS rate DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS limited_at TIMESTAMPTZ;

-- In which queue an attempt takes its place while the row has another definition already.
ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS counts_queue TEXT COLLATE "C";

-- What runs in a queue with limits. Jobs outside lanes are not in it.
CREATE INDEX IF NOT EXISTS scheduled_jobs_queue_runs
    ON :"schema".scheduled_jobs (queue)
    WHERE status = 'running' AND lane IS NOT NULL;
