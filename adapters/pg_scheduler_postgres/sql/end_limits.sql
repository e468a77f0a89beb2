-- These tasks have no limits any more, as one code has them. A pause stays, and so do limits that somebody
-- has set by hand, and the word of when the last pause ended. Rows are locked in the order in which
-- `set_limits` writes them.
WITH
-- What there is, locked.
held AS MATERIALIZED (
    SELECT
        limits.task_name,
        limits.by_hand,
        limits.by_hand OR limits.paused OR limits.resumed_at IS NOT NULL AS stays
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
SET concurrency = CASE WHEN held.by_hand THEN limits.concurrency END,
    rate = CASE WHEN held.by_hand THEN limits.rate END,
    code_concurrency = NULL,
    code_rate = NULL,
    changed_at = CASE WHEN held.by_hand THEN limits.changed_at ELSE :NOW END
FROM held
WHERE limits.task_name = held.task_name AND held.stays;
