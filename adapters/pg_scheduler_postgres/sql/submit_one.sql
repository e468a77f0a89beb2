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
        THEN pg_catalog.pg_notify(:channel::text, CASE WHEN lane IS NULL THEN 'due' ELSE 'lane' END)
    END AS notified;
