-- Make jobs that have ended pending and due now, with their counters at zero, as far as they are still what
-- they were when they were chosen. Of several with one dedupe key only one can be unfinished.
WITH
-- include: chosen_jobs
-- Those to which it can be done.
requested AS MATERIALIZED (
    SELECT first.job_id
    FROM (
        SELECT
            known.job_id,
            known.dedupe_key,
            pg_catalog.row_number() OVER (PARTITION BY known.dedupe_key ORDER BY known.job_id) AS place
        FROM known
        WHERE known.is_as_chosen AND known.status = ANY (:possible::text[])
    ) AS first
    WHERE first.dedupe_key IS NULL
        OR first.place = 1
            AND NOT EXISTS (
                SELECT 1
                FROM :"schema".scheduled_jobs AS other
                WHERE other.dedupe_key = first.dedupe_key AND other.status IN ('pending', 'running')
            )
),
-- The jobs, pending again.
changed AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: as_if_new
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
