-- Let jobs that wait start at another time, not before now, as far as they are still what they were when they
-- were chosen.
WITH
-- include: chosen_jobs
-- Those to which it can be done.
requested AS MATERIALIZED (
    SELECT known.job_id
    FROM known
    WHERE known.is_as_chosen AND known.status = ANY (:possible::text[])
),
-- The jobs, with their new time.
changed AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET execution_time = greatest(:new_time::timestamptz, :NOW)
    FROM requested
    WHERE job.job_id = requested.job_id
    RETURNING job.job_id
),
-- Who hears of it.
signals AS MATERIALIZED (
    SELECT
        pg_catalog.pg_notify(:channel::text, 'due') AS notified,
        pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
    WHERE EXISTS (SELECT 1 FROM requested)
)
SELECT answer.*, signals.*
FROM (
    -- include: change_answers
) AS answer
LEFT JOIN signals ON true;
