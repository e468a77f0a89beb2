-- The due jobs of a stream.
SELECT
    job.job_id,
    -- include: is_late AS is_late
FROM :"schema".scheduled_jobs AS job
WHERE
    -- include: of_stream
    AND job.execution_time <= :NOW
    AND (job.execution_time, job.job_id) >= (stream.from_time, stream.from_id)
