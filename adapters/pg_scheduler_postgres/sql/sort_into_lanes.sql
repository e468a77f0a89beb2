-- Jobs of these tasks that stand in no lane get one, some at a time; those that run too, as they take places.
UPDATE :"schema".scheduled_jobs AS job
SET lane = ''
WHERE job.job_id = ANY (
    ARRAY(
        SELECT stray.job_id
        FROM :"schema".scheduled_jobs AS stray
        WHERE stray.status = ANY ('{pending,running}')
            AND stray.lane IS NULL
            AND stray.job_name = ANY (:task_names::text[])
        LIMIT :limit::integer
        FOR UPDATE SKIP LOCKED
    )
)
RETURNING job.job_id;
