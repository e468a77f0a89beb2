-- Workers say until when they live at least, and which of their jobs they could not renew because somebody's
-- open transaction held the rows.
ALTER TABLE :"schema".scheduled_job_workers
    ADD COLUMN IF NOT EXISTS lease_until TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS held_up TEXT[];

-- An epoch is not used twice for one id, whatever has been deleted meanwhile: new rows begin at a number of
-- their time. What is stored goes on counting from where it is.
ALTER TABLE :"schema".scheduled_jobs
    ALTER COLUMN epoch
    SET DEFAULT (
        (pg_catalog.date_part('epoch', pg_catalog.now()) - 1735689600::double precision)
        * 4096000::double precision
    )::bigint;

-- A job that nobody could read ends; then such rows are refused. Rows that are there are not checked, and
-- neither is a job that has begun: what a claim writes must never be refused because of one row.
UPDATE :"schema".scheduled_jobs
SET status = 'failed',
    finished_at = pg_catalog.now(),
    error_message = 'the row cannot be read: a time, a timeout or a JSON column holds nonsense'
WHERE status = 'pending'
    AND started_at IS NULL
    AND NOT (
        coalesce(timeout_seconds > 0::double precision, true)
        AND coalesce(timeout_seconds < 86400000000000::double precision, true)
        AND coalesce(pg_catalog.jsonb_typeof(backoff) = 'object', true)
        AND coalesce(pg_catalog.jsonb_typeof(task_data) = 'object', true)
        AND coalesce(pg_catalog.jsonb_typeof(headers) = 'object', true)
        AND (NOT pg_catalog.isfinite(execution_time)
            OR execution_time BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00')
        AND created_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'
    );

ALTER TABLE :"schema".scheduled_jobs
    DROP CONSTRAINT IF EXISTS scheduled_jobs_status,
    ADD CONSTRAINT scheduled_jobs_status CHECK (
        status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'expired')
    ) NOT VALID,
    DROP CONSTRAINT IF EXISTS scheduled_jobs_readable,
    ADD CONSTRAINT scheduled_jobs_readable CHECK (
        status <> 'pending'
        OR started_at IS NOT NULL
        OR (
            coalesce(timeout_seconds > 0::double precision, true)
            AND coalesce(timeout_seconds < 86400000000000::double precision, true)
            AND coalesce(pg_catalog.jsonb_typeof(backoff) = 'object', true)
            AND coalesce(pg_catalog.jsonb_typeof(task_data) = 'object', true)
            AND coalesce(pg_catalog.jsonb_typeof(headers) = 'object', true)
            AND (NOT pg_catalog.isfinite(execution_time)
                OR execution_time BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00')
            AND created_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'
        )
    ) NOT VALID;
