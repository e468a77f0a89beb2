-- What rows need to know that are copied in by this transaction: its time, and which tasks have limits.
SELECT
    :NOW AS now,
    ARRAY(
        SELECT limits.task_name
        FROM :"schema".scheduled_job_limits AS limits
        WHERE limits.task_name = ANY (:task_names::text[])
    ) AS limited;
