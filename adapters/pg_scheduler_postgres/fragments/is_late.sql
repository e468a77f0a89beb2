-- The misfire rule of `domain/misfire.py`: only a first start can be too late.
job.misfire_grace_time IS NOT NULL
    AND job.started_at IS NULL
    AND job.retry_count = 0
    AND :NOW > job.execution_time
        + pg_catalog.make_interval(
            secs => greatest(job.misfire_grace_time, :start_tolerance::double precision)
        )
