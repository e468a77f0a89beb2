-- Lease one pending job, whether due or not.
UPDATE :"schema".scheduled_jobs AS job
-- include: lease_to_worker
WHERE job.job_id = :job_id::text AND job.status = 'pending'
RETURNING
    -- include: claimed_columns;
