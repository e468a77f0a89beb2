-- The names of jobs with this status, one by one: each a probe of the finished index.
names (job_name) AS (
    (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text
        ORDER BY job.job_name
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.job_name
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = :status::text AND job.job_name > names.job_name
        ORDER BY job.job_name
        LIMIT 1
    )
    FROM names
    WHERE names.job_name IS NOT NULL
)
