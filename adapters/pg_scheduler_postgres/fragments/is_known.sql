job.job_name COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
