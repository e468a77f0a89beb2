-- As submit.sql, for one job: no arrays to build and take apart, and the signal leaves with the row.
INSERT INTO :"schema".scheduled_jobs (
    -- include: job_columns
)
VALUES (
    -- include: one_jobs_values
)
ON CONFLICT DO NOTHING
RETURNING
    job_id,
    true AS inserted,
    CASE
        WHEN execution_time <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
        THEN pg_catalog.pg_notify(
            :channel::text,
            CASE WHEN NOT :waits_known::boolean THEN CASE WHEN lane IS NULL THEN 'due' ELSE 'lane' END
            ELSE 'due ' || pg_catalog.json_build_object(
                'key', job_id,
                'jobs', 1,
                'due_in', greatest(
                    extract(EPOCH FROM execution_time - :WALL_CLOCK)::double precision, 0
                ),
                'queue', queue,
                'task', job_name,
                'lanes', lane IS NOT NULL
            )::text END
        )
    END AS notified,
    -- After that, as `payloads.py` has it.
    CASE
        WHEN lane IS NOT NULL
            AND execution_time
                <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
        THEN pg_catalog.pg_notify(:channel::text, 'lane')
    END AS lane_notified;
