-- The tasks of which jobs have completed, each found by one probe.
names (job_name) AS (
    SELECT CASE WHEN :task_name::text IS NOT NULL THEN :task_name::text ELSE (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'completed'
        ORDER BY job.job_name
        LIMIT 1
    ) END
    UNION ALL
    SELECT (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'completed' AND job.job_name > names.job_name
        ORDER BY job.job_name
        LIMIT 1
    )
    FROM names
    WHERE names.job_name IS NOT NULL AND :task_name::text IS NULL
)
