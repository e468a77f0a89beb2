-- These tasks have no limits any more; a pause stays.
WITH
-- Limits of tasks that are not paused, gone.
ended AS (
    DELETE FROM :"schema".scheduled_job_limits AS limits
    WHERE limits.task_name = ANY (:task_names::text[]) AND NOT limits.paused
)
UPDATE :"schema".scheduled_job_limits AS limits
SET concurrency = NULL,
    rate = NULL,
    changed_at = :NOW
WHERE limits.task_name = ANY (:task_names::text[])
    AND limits.paused
    AND (limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL);
