-- What rows need to know that are copied in by this transaction: its time, and which tasks and queues
-- have limits.
SELECT
    :NOW AS now,
    ARRAY(
        SELECT limits.task_name
        FROM :"schema".scheduled_job_limits AS limits
        WHERE limits.task_name = ANY (:task_names::text[])
            AND -- include: task_has_limits
    ) AS limited,
    ARRAY(
        SELECT queues.queue
        FROM :"schema".scheduled_job_queues AS queues
        WHERE queues.queue = ANY (:queues::text[])
            AND -- include: queue_has_limits
    ) AS limited_queues;
