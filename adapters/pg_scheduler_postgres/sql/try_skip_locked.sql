-- Whether the server knows SKIP LOCKED. It locks nothing.
SELECT job.job_id
FROM :"schema".scheduled_jobs AS job
WHERE false
FOR UPDATE OF job SKIP LOCKED;
