-- One sign of life for a worker and all its leases. Rows are locked by the code points of their ids, as in
-- every batch: a table that an older installation made may have a collation of its own.
WITH alive AS (
    INSERT INTO :"schema".scheduled_job_workers AS worker (worker_id, hostname, pid, started_at, last_seen)
    VALUES (
        :worker_id::text, :hostname::text, :pid::integer,
        coalesce(:now::timestamptz, now()), coalesce(:now::timestamptz, now())
    )
    ON CONFLICT (worker_id) DO UPDATE SET last_seen = EXCLUDED.last_seen
),
held AS (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    JOIN unnest(:job_ids::text[], :epochs::bigint[]) AS lease (job_id, epoch)
        ON lease.job_id = job.job_id AND lease.epoch = job.epoch
    WHERE job.job_id = ANY (:job_ids::text[])
        AND job.status = 'running'
        AND job.worker_id = :worker_id::text
    ORDER BY job.job_id COLLATE "C"
    FOR NO KEY UPDATE OF job
)
UPDATE :"schema".scheduled_jobs AS job
SET last_heartbeat = coalesce(:now::timestamptz, now()),
    lease_until = coalesce(:now::timestamptz, now())
        + make_interval(secs => :lease_seconds::double precision)
FROM held
WHERE job.job_id = held.job_id
RETURNING job.job_id, job.epoch, job.cancel_requested_at IS NOT NULL AS cancel_requested;
