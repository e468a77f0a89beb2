-- One sign of life for a worker and all its leases. Rows are locked by the code points of their ids, as in
-- every batch: a table that an older installation made may have a collation of its own.
-- A row that somebody's open transaction holds (its function completes it, its caller cancels it) is passed
-- over and answered as it was last committed: nobody else can take it meanwhile, and the worker's other
-- leases must not wait for that transaction. Its lease may be over before that transaction is; so the worker
-- says that it wants it, which `reclaim_expired` respects as long as the worker lives.
-- An answer is as old as the statement's snapshot: of a row that is taken back in this very moment it still
-- says that the lease is held. The next renewal tells, and nothing depends on it: no write of that attempt is
-- accepted any more.
WITH
-- Leases that it still holds.
held AS (
    SELECT job.job_id, job.epoch, job.cancel_requested_at IS NOT NULL AS cancel_requested
    FROM :"schema".scheduled_jobs AS job
    JOIN ROWS FROM (
        unnest(:job_ids::text[], :epochs::bigint[]),
        -- Tells the planner that there may be many, as in settle.sql.
        pg_catalog.generate_series(1, (SELECT pg_catalog.cardinality(:job_ids::text[])))
    ) AS lease (job_id, epoch, place)
        ON lease.job_id = job.job_id AND lease.epoch = job.epoch
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
        AND job.status = 'running'
        AND job.worker_id = :worker_id::text
),
-- Those of them that no other transaction has locked, locked.
free AS (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    JOIN ROWS FROM (
        unnest(:job_ids::text[], :epochs::bigint[]),
        pg_catalog.generate_series(1, (SELECT pg_catalog.cardinality(:job_ids::text[])))
    ) AS lease (job_id, epoch, place)
        ON lease.job_id = job.job_id AND lease.epoch = job.epoch
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
        AND job.status = 'running'
        AND job.worker_id = :worker_id::text
    ORDER BY job.job_id COLLATE "C"
    FOR NO KEY UPDATE OF job SKIP LOCKED
),
-- The worker lives, and wants what others hold.
alive AS (
    INSERT INTO :"schema".scheduled_job_workers AS worker (
        worker_id, hostname, pid, started_at, last_seen, lease_until, held_up, likes
    )
    VALUES (
        :worker_id::text, :hostname::text, :pid::integer,
        :NOW, :NOW, :NOW + pg_catalog.make_interval(secs => :lease_seconds::double precision),
        ARRAY(SELECT held.job_id FROM held WHERE held.job_id NOT IN (SELECT free.job_id FROM free)),
        :likes::text
    )
    ON CONFLICT (worker_id) DO UPDATE SET
        last_seen = EXCLUDED.last_seen,
        lease_until = EXCLUDED.lease_until,
        held_up = EXCLUDED.held_up,
        likes = EXCLUDED.likes
),
-- They last longer.
renewed AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET last_heartbeat = :NOW,
        lease_until = :NOW
            + pg_catalog.make_interval(secs => :lease_seconds::double precision)
    FROM free
    WHERE job.job_id = free.job_id
)
SELECT
    held.job_id, held.epoch, held.cancel_requested,
    NULL::integer AS workers, NULL::integer AS likes, NULL::integer AS place
FROM held
UNION ALL
-- Who else lives: see `Fleet`.
SELECT
    NULL, NULL, NULL,
    1 + pg_catalog.count(*)::integer,
    1 + (pg_catalog.count(*) FILTER (WHERE other.likes = :likes::text))::integer,
    (
        pg_catalog.count(*) FILTER (
            WHERE other.likes = :likes::text AND other.worker_id COLLATE "C" < :worker_id::text
        )
    )::integer
FROM :"schema".scheduled_job_workers AS other
WHERE other.worker_id <> :worker_id::text AND other.lease_until >= :NOW;
