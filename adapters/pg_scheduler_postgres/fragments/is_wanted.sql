job.job_name COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
    AND job.job_name COLLATE "C" <> ALL (ARRAY(
        SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits WHERE limits.paused
    ))
