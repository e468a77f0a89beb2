-- One job.
SELECT
    -- include: shown_columns
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = :job_id::text;
