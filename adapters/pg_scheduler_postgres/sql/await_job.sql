-- Whoever ends this job will notify. A claim that met the row while it was locked here has passed it by and
-- gone to rest, so workers are woken.
WITH
-- The job, if it has not ended and nobody waited for it before.
awaited AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET awaited = true
    WHERE job.job_id = :job_id::text AND job.status IN ('pending', 'running') AND NOT job.awaited
    RETURNING job.status, job.lane, job.execution_time
)
SELECT pg_notify(:channel::text, CASE WHEN awaited.lane IS NULL THEN 'due' ELSE 'lane' END) AS notified
FROM awaited
WHERE awaited.status = 'pending'
    AND awaited.execution_time <= clock_timestamp() + make_interval(secs => :soon_seconds::double precision);
