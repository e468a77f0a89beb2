-- Attempts that only end their jobs, in one status: what nearly every settlement is. The fence is that of
-- settle.sql. Superseded rows are left out, and those that somebody's open transaction holds;
-- what is not among the ids given back goes there.
WITH
-- Rows that may be settled so, locked.
held AS MATERIALIZED (
    SELECT job.job_id, job.epoch, job.job_name, job.lane, job.schedule_key, job.awaited
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT unnest(:job_ids::text[])))
        -- IS TRUE keeps it a look into a hash for each row. As a join the planner would guess at its size.
        AND ((job.job_id, job.epoch) IN (SELECT unnest(:job_ids::text[]), unnest(:epochs::bigint[]))) IS TRUE
        AND NOT job.superseded
        AND ((job.status = 'running' AND job.worker_id = :worker_id::text) OR job.status = 'pending')
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
    (SELECT array_agg(held.job_id) FROM held) AS job_ids,
    (SELECT array_agg(held.epoch) FROM held) AS epochs,
    (
        SELECT pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (SELECT 1 FROM held AS run WHERE run.schedule_key IS NOT NULL)
    ) AS schedule_notified,
    (
        SELECT pg_notify(:channel::text, 'lane')
        WHERE EXISTS (
            SELECT 1
            FROM held AS run
            JOIN :"schema".scheduled_jobs AS job ON job.job_name = run.job_name AND job.lane = run.lane
            WHERE run.lane IS NOT NULL AND job.status = 'pending' AND job.lane IS NOT NULL
        )
    ) AS lane_notified,
    (
        SELECT count(pg_notify(:finished_channel::text, :target::text || ' ' || run.job_id))
        FROM held AS run
        WHERE run.awaited
    ) AS finished_notified;
