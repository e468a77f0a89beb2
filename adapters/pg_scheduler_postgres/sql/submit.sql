-- Store new jobs, leave taken ids and dedupe keys alone, and wake the workers once if anything is due soon.
WITH
-- The jobs that were stored.
stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        -- include: job_columns
    )
    -- include: given_jobs
    ON CONFLICT DO NOTHING
    RETURNING job_id, queue, job_name, execution_time, lane
)
SELECT
    stored.job_id,
    true AS inserted,
    -- include: notify_stored
FROM stored;
