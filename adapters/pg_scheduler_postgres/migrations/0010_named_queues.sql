-- Jobs wait in queues.
ALTER TABLE :"schema".scheduled_jobs
    ADD COLUMN IF NOT EXISTS queue TEXT COLLATE "C" NOT NULL DEFAULT 'default';

ALTER TABLE :"schema".scheduled_job_schedules
    ADD COLUMN IF NOT EXISTS queue TEXT COLLATE "C" NOT NULL DEFAULT 'default';

-- What a claim reads: a range per queue, task and rank, so that what a worker does not take, another queue or
-- another task, is passed by in one step, however much of it is due. Names sort by code point, whatever the
-- language of the database.
CREATE INDEX IF NOT EXISTS scheduled_jobs_waiting
    ON :"schema".scheduled_jobs (queue, job_name COLLATE "C", priority, execution_time, job_id)
    WHERE status = 'pending' AND lane IS NULL;
DROP INDEX IF EXISTS :"schema".scheduled_jobs_ready;

CREATE INDEX IF NOT EXISTS scheduled_jobs_waiting_in_lanes
    ON :"schema".scheduled_jobs (queue, job_name COLLATE "C", lane, priority, execution_time, job_id)
    WHERE status = 'pending' AND lane IS NOT NULL;
DROP INDEX IF EXISTS :"schema".scheduled_jobs_in_lanes;

-- Queues of which there is something to say.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_queues (
    queue TEXT COLLATE "C" PRIMARY KEY,
    paused BOOLEAN NOT NULL DEFAULT false,
    resumed_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ NOT NULL
);
