-- Each job is written three times, and a version that finds room on the page of the one before is cheaper to
-- write and to clear away: after a drain the table is smaller than with full pages. A backlog takes one and a
-- half times as many.
ALTER TABLE :"schema".scheduled_jobs SET (fillfactor = 50);

-- Jobs that end together have one time: without their ids in the key these entries share one.
CREATE INDEX IF NOT EXISTS scheduled_jobs_ended
    ON :"schema".scheduled_jobs (status, job_name, finished_at)
    WHERE status IN ('completed', 'failed', 'cancelled', 'expired');
DROP INDEX IF EXISTS :"schema".scheduled_jobs_finished;
