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
-- include: answers_of_waiting_jobs;
