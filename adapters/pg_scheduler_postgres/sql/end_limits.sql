-- These tasks have no limits any more. A pause stays, and so does the word of when the last one ended. Rows
-- are locked in the order in which `set_limits` writes them.
WITH
-- What there is, locked.
held AS MATERIALIZED (
    SELECT limits.task_name, limits.paused OR limits.resumed_at IS NOT NULL AS stays
    FROM :"schema".scheduled_job_limits AS limits
    WHERE limits.task_name = ANY (:task_names::text[])
        AND (limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL)
    ORDER BY limits.task_name COLLATE "C"
    FOR UPDATE
),
-- Limits of which nothing is to be remembered, gone.
ended AS (
    DELETE FROM :"schema".scheduled_job_limits AS limits
    USING held
    WHERE limits.task_name = held.task_name AND NOT held.stays
)
UPDATE :"schema".scheduled_job_limits AS limits
SET concurrency = NULL,
    rate = NULL,
    changed_at = :NOW
FROM held
WHERE limits.task_name = held.task_name AND held.stays;
