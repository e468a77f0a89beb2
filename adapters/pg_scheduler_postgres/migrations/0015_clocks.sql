-- Workers say what their clocks show.
ALTER TABLE :"schema".scheduled_job_workers
    ADD COLUMN IF NOT EXISTS clock_ahead DOUBLE PRECISION;
