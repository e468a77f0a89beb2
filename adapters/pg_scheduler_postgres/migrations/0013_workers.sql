-- Workers say what they know and serve, and others ask things of them.
ALTER TABLE :"schema".scheduled_job_workers
    ADD COLUMN IF NOT EXISTS state TEXT,
    ADD COLUMN IF NOT EXISTS listening BOOLEAN,
    ADD COLUMN IF NOT EXISTS task_names TEXT[],
    ADD COLUMN IF NOT EXISTS chosen TEXT[],
    ADD COLUMN IF NOT EXISTS queues JSONB,
    ADD COLUMN IF NOT EXISTS capacity INTEGER,
    ADD COLUMN IF NOT EXISTS app_version TEXT,
    ADD COLUMN IF NOT EXISTS library_version TEXT,
    ADD COLUMN IF NOT EXISTS wish TEXT NOT NULL DEFAULT 'work';
