-- How many jobs are in each state.
SELECT job.status, pg_catalog.count(*) AS jobs
FROM :"schema".scheduled_jobs AS job
GROUP BY job.status;
