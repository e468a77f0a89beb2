-- Workers that have shown a sign of life and not said goodbye.
SELECT worker.worker_id, worker.hostname, worker.pid, worker.started_at, worker.last_seen
FROM :"schema".scheduled_job_workers AS worker
ORDER BY worker.worker_id COLLATE "C";
