ARRAY(SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits)
