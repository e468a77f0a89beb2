-- The pending job that has a dedupe key, if it matches: at most one.
WITH
-- It.
found AS (
    SELECT job.execution_time AS at, job.job_id, true AS is_wanted, false AS is_last
    FROM :"schema".scheduled_jobs AS job
    WHERE job.dedupe_key = :key::text
        AND job.status = 'pending'
        AND -- include: due_before
        AND -- include: is_selected
)
-- include: page_of_found
