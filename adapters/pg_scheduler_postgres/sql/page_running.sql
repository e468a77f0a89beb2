-- Running jobs that match, the newest first: by the time at which they were due, then id. There are never
-- more than the workers have places.
WITH
-- Those that match.
found AS (
    SELECT job.execution_time AS at, job.job_id, true AS is_wanted, false AS is_last
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
        AND -- include: due_before
        AND -- include: is_selected
    ORDER BY job.execution_time DESC, job.job_id DESC
    LIMIT :limit::integer
)
-- include: page_of_found
