-- Does a run that has not begun bear the name that the schedule's task had before?
EXISTS (
    SELECT 1
    FROM :"schema".scheduled_jobs AS job
    WHERE job.schedule_key = schedule.schedule_key
        AND job.status = 'pending'
        AND job.job_name <> schedule.task_name
)
