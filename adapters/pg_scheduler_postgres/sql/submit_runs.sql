-- As submit.sql, for jobs of which some are runs of schedules, which a producer may not store.
WITH
-- The jobs that were stored.
stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        -- include: run_columns
    )
    -- include: given_runs
    ON CONFLICT DO NOTHING
    RETURNING job_id, queue, job_name, execution_time, lane
)
SELECT
    stored.job_id,
    true AS inserted,
    -- include: notify_stored
FROM stored;
