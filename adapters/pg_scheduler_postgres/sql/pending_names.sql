-- The names of pending jobs, by code point whatever the language of the database.
SELECT job.job_name
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'pending'
GROUP BY job.job_name
ORDER BY job.job_name COLLATE "C";
