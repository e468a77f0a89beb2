-- Lease one pending job, whether due or not. One that somebody's open transaction holds is passed over: a
-- worker's claims wait for each other, and would wait for that transaction.
UPDATE :"schema".scheduled_jobs AS job
-- include: lease_to_worker
WHERE job.job_id = ANY (ARRAY(
    SELECT free.job_id
    FROM :"schema".scheduled_jobs AS free
    WHERE free.job_id = :job_id::text AND free.status = 'pending'
    FOR UPDATE SKIP LOCKED
))
RETURNING
    -- include: claimed_columns;
