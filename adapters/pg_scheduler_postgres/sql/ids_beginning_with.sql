-- Ids that begin so: a range of the primary key, which sorts by code points.
SELECT job.job_id
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id >= :prefix::text AND job.job_id < :beyond::text
ORDER BY job.job_id COLLATE "C"
LIMIT :limit::integer;
