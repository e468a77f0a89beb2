-- Jobs by state, name and worker, in order of time. Its plan is made for its values, on purpose: which
-- statuses are asked for tells which index there is for them.
SELECT
    -- include: shown_columns
FROM :"schema".scheduled_jobs AS job
WHERE (cardinality(:statuses::text[]) = 0 OR job.status = ANY (:statuses::text[]))
    AND (:task_name::text IS NULL OR job.job_name = :task_name::text)
    AND (:worker_id::text IS NULL OR job.worker_id = :worker_id::text)
ORDER BY job.execution_time, job.job_id
LIMIT :limit::integer;
