-- Is a run of the schedule unfinished, or one of a schedule that it has replaced?
EXISTS (
    SELECT 1
    FROM :"schema".scheduled_jobs AS job
    WHERE job.schedule_key = ANY (schedule.stands_for || schedule.schedule_key)
        AND job.status IN ('pending', 'running')
)
