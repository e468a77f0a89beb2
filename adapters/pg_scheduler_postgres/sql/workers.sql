-- Workers that have shown a sign of life and not said goodbye, with what runs for them.
WITH
-- What runs, by worker.
running AS (
    SELECT job.worker_id, pg_catalog.count(*)::integer AS jobs, pg_catalog.min(job.started_at) AS oldest
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
    GROUP BY job.worker_id
)
SELECT
    worker.worker_id, worker.hostname, worker.pid, worker.started_at, worker.last_seen,
    worker.wish, worker.state, worker.listening, worker.task_names, worker.chosen,
    worker.queues::text AS queues, worker.capacity, worker.app_version,
    worker.library_version, worker.clock_ahead,
    coalesce(worker.lease_until, worker.last_seen) >= :NOW AS alive,
    greatest(pg_catalog.date_part('epoch', :NOW - worker.last_seen), 0) AS seen_seconds_ago,
    coalesce(running.jobs, 0) AS running,
    running.oldest AS oldest_start
FROM :"schema".scheduled_job_workers AS worker
LEFT JOIN running ON running.worker_id = worker.worker_id
ORDER BY worker.worker_id COLLATE "C";
