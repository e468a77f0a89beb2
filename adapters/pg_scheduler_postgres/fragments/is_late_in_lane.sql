-- The misfire rule once more, for a job that its lane, its queue or a pause may have held up: its grace
-- counts from when it could have started, but for the window of a schedule, which has missed its time
-- whatever the reason.
job.misfire_grace_time IS NOT NULL
    AND job.started_at IS NULL
    AND job.retry_count = 0
    AND :NOW > greatest(
            job.execution_time,
            CASE WHEN job.schedule_window IS NULL THEN lane_ranks.waits_from END
        )
        + pg_catalog.make_interval(
            secs => greatest(job.misfire_grace_time, :start_tolerance::double precision)
        )
