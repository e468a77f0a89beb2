-- A worker says goodbye.
DELETE FROM :"schema".scheduled_job_workers
WHERE worker_id = :worker_id::text;
