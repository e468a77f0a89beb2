-- The names of pending jobs.
SELECT DISTINCT job.job_name
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'pending'
ORDER BY job.job_name;
