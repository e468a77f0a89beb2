-- Attempts that only end their jobs, in one status that is kept: what nearly every settlement is. What is not
-- among the leases given back goes to settle.sql.
WITH
-- Rows that may be settled so, locked.
held AS MATERIALIZED (
    -- include: plain_ends
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
-- They end.
settled AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = :target::text,
        finished_at = :NOW,
        worker_id = :worker_id::text,
        lease_until = NULL,
        error_message = NULL,
        result = NULL
    WHERE job.job_id = ANY (ARRAY(SELECT held.job_id FROM held))
)
SELECT
    -- include: plain_ends_signals,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, :target::text || ' ' || run.job_id)
        )
        FROM held AS run
        WHERE run.awaited
    ) AS finished_notified;
