-- The status of one job, held still for the rest of the transaction.
SELECT job.status, job.dedupe_key
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = :job_id::text
FOR UPDATE;
