-- Jobs in some states by queue, name, rank and status.
SELECT job.queue, job.job_name, job.priority, job.status, pg_catalog.count(*) AS jobs
FROM :"schema".scheduled_jobs AS job
WHERE job.status = ANY (:statuses::text[])
GROUP BY job.queue, job.job_name, job.priority, job.status
ORDER BY job.queue, job.job_name COLLATE "C", job.priority, job.status COLLATE "C";
