-- An attempt begins, under an epoch of its own. Where the clock is behind the row's epoch, chance keeps it
-- apart: a server that takes over without the latest claims must not count to the same numbers again.
SET status = 'running',
    epoch = greatest(
        job.epoch + 1 + (pg_catalog.random() * 65536::double precision)::bigint,
        -- include: fresh_epoch
    ),
    worker_id = :worker_id::text,
    started_at = :NOW,
    last_heartbeat = :NOW,
    lease_until = :NOW + pg_catalog.make_interval(secs => :lease_seconds::double precision),
    attempt_count = job.attempt_count + 1
