-- Is a run of the schedule unfinished, or one of a schedule that it has replaced? The index of such runs has
-- the database's collation, and is of no use to a comparison in another one.
EXISTS (
    SELECT 1
    FROM :"schema".scheduled_jobs AS job
    WHERE job.schedule_key IS NOT NULL
        AND job.schedule_key = ANY (
            pg_catalog.array_append(schedule.stands_for, schedule.schedule_key COLLATE "default")
        )
        AND job.status IN ('pending', 'running')
)
