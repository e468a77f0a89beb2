-- The statuses of these jobs.
SELECT job.job_id, job.status
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])));
