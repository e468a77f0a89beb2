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
            'due ' || pg_catalog.json_build_object(
                'key', job_id,
                'jobs', 1,
                'due_in', CASE WHEN :waits_known::boolean THEN greatest(
                    extract(EPOCH FROM execution_time - :WALL_CLOCK)::double precision, 0
                ) ELSE 0 END,
                'queue', queue,
                'task', job_name,
                'lanes', lane IS NOT NULL
            )::text
        )
    END AS notified,
    -- After that, as `payloads.py` has it.
    CASE
        WHEN lane IS NOT NULL
            AND execution_time
                <= :WALL_CLOCK + pg_catalog.make_interval(secs => :soon_seconds::double precision)
        THEN pg_catalog.pg_notify(:channel::text, 'lane')
    END AS lane_notified;
