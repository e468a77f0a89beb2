-- The due jobs of a stream, in order.
SELECT
    job.job_id,
    -- include: is_late AS is_late,
    job.job_name = ANY (
        ARRAY(
            SELECT limits.task_name
            FROM :"schema".scheduled_job_limits AS limits
            WHERE limits.paused OR limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL
        )
    ) AS is_limited,
    job.job_name = ANY (
        ARRAY(
            SELECT limits.task_name
            FROM :"schema".scheduled_job_limits AS limits
            WHERE limits.resumed_at IS NOT NULL
        )
    ) OR stream.queue = ANY (
        ARRAY(
            SELECT queues.queue
            FROM :"schema".scheduled_job_queues AS queues
            WHERE queues.resumed_at IS NOT NULL
        )
    ) AS was_paused
FROM :"schema".scheduled_jobs AS job
WHERE job.status = 'pending'
    AND job.lane IS NULL
    AND job.queue = stream.queue
    AND job.job_name COLLATE "C" = stream.job_name
    AND job.priority = stream.priority
    AND job.execution_time <= :NOW
    AND (job.execution_time, job.job_id) >= (stream.from_time, stream.from_id)
