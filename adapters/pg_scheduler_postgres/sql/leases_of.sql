-- What runs for a worker, as the store believes. Nothing else is read of the rows, which may hold nonsense.
SELECT job.job_id, job.epoch
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'running' AND job.worker_id = :worker_id::text
ORDER BY job.job_id COLLATE "C";
