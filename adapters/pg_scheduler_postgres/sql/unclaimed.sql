-- Due jobs of names that a worker does not know, by code point.
SELECT job.job_name, count(*) AS jobs, min(job.execution_time) AS oldest
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'pending'
    AND job.execution_time <= coalesce(:now::timestamptz, now())
    AND job.job_name <> ALL (:known_names::text[])
GROUP BY job.job_name
ORDER BY job.job_name COLLATE "C";
