-- An attempt begins, under an epoch of its own.
SET status = 'running',
    epoch = greatest(
        job.epoch + 1,
        -- include: fresh_epoch
    ),
    worker_id = :worker_id::text,
    started_at = :NOW,
    last_heartbeat = :NOW,
    lease_until = :NOW + pg_catalog.make_interval(secs => :lease_seconds::double precision),
    attempt_count = job.attempt_count + 1
