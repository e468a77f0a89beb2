-- What workers did, by the minute. Each row has one writer.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_minutes (
    minute TIMESTAMPTZ NOT NULL,
    worker_id TEXT COLLATE "C" NOT NULL,
    queue TEXT COLLATE "C" NOT NULL,
    task_name TEXT COLLATE "C" NOT NULL,
    started INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    waits INTEGER[] NOT NULL,
    runs INTEGER[] NOT NULL,
    PRIMARY KEY (minute, worker_id, queue, task_name)
) WITH (fillfactor = 50);
