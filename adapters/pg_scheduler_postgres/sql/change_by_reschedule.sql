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
-- include: answers_of_waiting_jobs;
