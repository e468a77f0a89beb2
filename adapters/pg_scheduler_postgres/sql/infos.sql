-- What people who watch these jobs see of them.
SELECT
    job.job_id, job.status, job.progress_done, job.progress_total, job.attempt_count, job.error_message
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])));
