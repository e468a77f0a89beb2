-- What people did by hand.
CREATE TABLE IF NOT EXISTS :"schema".scheduled_job_audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    affected INTEGER NOT NULL
);
