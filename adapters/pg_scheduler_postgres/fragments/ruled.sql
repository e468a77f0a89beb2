-- What holds for all jobs of a stream: whether its task or queue has limits, and whether a pause may have
-- held it up.
ruled AS MATERIALIZED (
    SELECT
        streams.*,
        streams.job_name = ANY (
            ARRAY(
                SELECT limits.task_name
                FROM :"schema".scheduled_job_limits AS limits
                WHERE -- include: task_has_limits
            )
        ) OR streams.queue = ANY (
            ARRAY(
                SELECT queues.queue
                FROM :"schema".scheduled_job_queues AS queues
                WHERE -- include: queue_has_limits
            )
        ) AS is_limited,
        streams.job_name = ANY (
            ARRAY(
                SELECT limits.task_name
                FROM :"schema".scheduled_job_limits AS limits
                WHERE limits.resumed_at IS NOT NULL
            )
        ) OR streams.queue = ANY (
            ARRAY(
                SELECT queues.queue
                FROM :"schema".scheduled_job_queues AS queues
                WHERE queues.resumed_at IS NOT NULL
            )
        ) AS was_paused
    FROM streams
)
