-- What newer code calls the task of a schedule whose older definition has come back.
ALTER TABLE :"schema".scheduled_job_schedules
    ADD COLUMN IF NOT EXISTS displaced_tasks TEXT[] NOT NULL DEFAULT '{}';
