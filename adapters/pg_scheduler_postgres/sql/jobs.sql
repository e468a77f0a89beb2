-- Jobs by state, name, worker, time and error, in order of time. Its plan is made for its values, on purpose:
-- which statuses are asked for tells which index there is for them, and which way round it sorts.
SELECT
    -- include: shown_columns
FROM :"schema".scheduled_jobs AS job
WHERE (pg_catalog.cardinality(:statuses::text[]) = 0 OR job.status = ANY (:statuses::text[]))
    AND (:task_name::text IS NULL OR job.job_name = :task_name::text)
    AND (:queue::text IS NULL OR job.queue = :queue::text)
    AND (:worker_id::text IS NULL OR job.worker_id = :worker_id::text)
    AND (:since::timestamptz IS NULL OR job.execution_time >= :since::timestamptz)
    AND (:until::timestamptz IS NULL OR job.execution_time < :until::timestamptz)
    AND (
        :error::text IS NULL
        OR pg_catalog.strpos(pg_catalog.lower(job.error_message), pg_catalog.lower(:error::text)) > 0
    )
    AND (
        :before_time::timestamptz IS NULL
        OR (job.execution_time, job.job_id) < (:before_time::timestamptz, :before_id::text)
    )
ORDER BY
    CASE WHEN :newest_first::boolean THEN job.execution_time END DESC,
    CASE WHEN :newest_first::boolean THEN job.job_id END DESC,
    job.execution_time,
    job.job_id
LIMIT :limit::integer;
