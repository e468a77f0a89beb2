-- Workers that claim the same know of each other.
ALTER TABLE :"schema".scheduled_job_workers ADD COLUMN IF NOT EXISTS likes TEXT;
