-- Attempts that only end their jobs, in one status that is not kept. Jobs that somebody waits for stay; they,
-- and what else is not among the leases given back, go to settle.sql.
WITH
-- Rows that may be settled so, locked.
held AS MATERIALIZED (
    -- include: plain_ends
        AND NOT job.awaited
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
-- They go.
deleted AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT held.job_id FROM held))
),
-- Their history goes with them.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    WHERE history.job_id = ANY (ARRAY(SELECT held.job_id FROM held))
)
SELECT
    -- include: plain_ends_signals;
