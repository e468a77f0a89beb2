-- Delete jobs with their history, as far as they are still what they were when they were chosen.
WITH
-- include: chosen_jobs
-- Those to which it can be done.
requested AS MATERIALIZED (
    SELECT known.job_id, known.status, known.schedule_key
    FROM known
    WHERE known.is_as_chosen AND known.status = ANY (:possible::text[])
),
-- They go.
changed AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    USING requested
    WHERE job.job_id = requested.job_id
    RETURNING job.job_id
),
-- Their history goes with them.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    USING requested
    WHERE history.job_id = requested.job_id
),
-- Who hears of it: a schedule that waited for the end of a run.
signals AS MATERIALIZED (
    SELECT pg_catalog.pg_notify(:channel::text, 'schedule') AS notified
    WHERE EXISTS (
        SELECT 1 FROM requested WHERE requested.status = 'pending' AND requested.schedule_key IS NOT NULL
    )
)
SELECT answer.*, signals.*
FROM (
    -- include: change_answers
) AS answer
LEFT JOIN signals ON true;
