-- What a schedule has replaced: it waits for the unfinished runs of those keys, and its runs hold their lock.
ALTER TABLE :"schema".scheduled_job_schedules
    ADD COLUMN IF NOT EXISTS lock_name TEXT,
    ADD COLUMN IF NOT EXISTS stands_for TEXT[] NOT NULL DEFAULT '{}';
