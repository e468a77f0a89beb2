-- Cancel jobs that wait, and ask the owners of those that run to stop them, as far as they are still what
-- they were when they were chosen.
WITH
-- include: chosen_jobs
-- Those to which it can be done.
requested AS (
    SELECT known.job_id, known.status, known.schedule_key, known.awaited
    FROM known
    WHERE known.is_as_chosen AND known.status = ANY (:possible::text[])
),
-- include: cancelled_jobs,
-- Who hears of it.
signals AS MATERIALIZED (
    SELECT
        -- include: cancelled_signals
),
-- What was done.
changed AS (
    SELECT requested.job_id FROM requested
)
SELECT answer.*, signals.*
FROM (
    -- include: change_answers
) AS answer
CROSS JOIN signals;
