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
-- The worker lives, wants what others hold, and hears what is wanted of it.
alive AS (
    INSERT INTO :"schema".scheduled_job_workers AS worker (
        worker_id, hostname, pid, started_at, last_seen, lease_until, held_up,
        state, listening, task_names, chosen, queues, capacity, app_version, library_version, clock_ahead,
        likes
    )
    VALUES (
        :worker_id::text, :hostname::text, :pid::integer,
        :NOW, :NOW, :NOW + pg_catalog.make_interval(secs => :lease_seconds::double precision),
        ARRAY(SELECT held.job_id FROM held WHERE held.job_id NOT IN (SELECT free.job_id FROM free)),
        :state::text, :listening::boolean, :task_names::text[], :chosen::text[], :queues::text::jsonb,
        :capacity::integer, :app_version::text, :library_version::text,
        pg_catalog.date_part('epoch', :clock::timestamptz - :WALL_CLOCK), :likes::text
    )
    ON CONFLICT (worker_id) DO UPDATE SET
        last_seen = EXCLUDED.last_seen,
        lease_until = EXCLUDED.lease_until,
        held_up = EXCLUDED.held_up,
        likes = EXCLUDED.likes,
        state = EXCLUDED.state,
        listening = EXCLUDED.listening,
        clock_ahead = EXCLUDED.clock_ahead,
        -- What it knows it says once, and again where that changes.
        task_names = coalesce(EXCLUDED.task_names, worker.task_names),
        chosen = coalesce(EXCLUDED.chosen, worker.chosen),
        queues = coalesce(EXCLUDED.queues, worker.queues),
        capacity = coalesce(EXCLUDED.capacity, worker.capacity),
        app_version = coalesce(EXCLUDED.app_version, worker.app_version),
        library_version = coalesce(EXCLUDED.library_version, worker.library_version)
    RETURNING worker.wish, worker.capacity IS NULL AS profile_missing
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
    held.job_id, held.epoch, held.cancel_requested, alive.wish, alive.profile_missing,
    fleet.workers, fleet.likes, fleet.place
FROM alive
CROSS JOIN (
    -- Who else lives: see `Fleet`.
    SELECT
        1 + pg_catalog.count(*)::integer AS workers,
        1 + (pg_catalog.count(*) FILTER (WHERE other.likes = :likes::text))::integer AS likes,
        (
            pg_catalog.count(*) FILTER (
                WHERE other.likes = :likes::text AND other.worker_id COLLATE "C" < :worker_id::text
            )
        )::integer AS place
    FROM :"schema".scheduled_job_workers AS other
    WHERE other.worker_id <> :worker_id::text AND other.lease_until >= :NOW
) AS fleet
LEFT JOIN held ON true;
