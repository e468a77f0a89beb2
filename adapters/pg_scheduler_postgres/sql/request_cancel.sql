-- Cancel pending jobs; ask the owners of running ones to stop them. A cancelled job's waiting new
-- version is given up with it.
WITH asked AS (
    SELECT job.job_id, job.status, job.schedule_key, job.awaited
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (:job_ids::text[])
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job
),
told AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = CASE WHEN asked.status = 'pending' THEN 'cancelled' ELSE job.status END,
        finished_at = CASE WHEN asked.status = 'pending' THEN coalesce(:now::timestamptz, now()) END,
        cancel_requested_at = coalesce(job.cancel_requested_at, :now::timestamptz, now()),
        superseded = false
    FROM asked
    WHERE job.job_id = asked.job_id AND asked.status IN ('pending', 'running')
)
SELECT
    asked.job_id,
    asked.status,
    (
        SELECT pg_notify(:channel::text, 'cancel')
        WHERE EXISTS (SELECT 1 FROM asked WHERE asked.status = 'running')
    ) AS notified,
    (
        SELECT pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (
            SELECT 1 FROM asked WHERE asked.status = 'pending' AND asked.schedule_key IS NOT NULL
        )
    ) AS schedule_notified,
    (
        SELECT count(pg_notify(:finished_channel::text, 'cancelled ' || ended.job_id))
        FROM asked AS ended
        WHERE ended.awaited AND ended.status = 'pending'
    ) AS finished_notified
FROM asked;
