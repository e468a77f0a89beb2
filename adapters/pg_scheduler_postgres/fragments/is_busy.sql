-- Is a run of the schedule unfinished?
EXISTS (
    SELECT 1
    FROM :"schema".scheduled_jobs AS job
    WHERE job.schedule_key = schedule.schedule_key AND job.status IN ('pending', 'running')
)
