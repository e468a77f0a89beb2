-- Jobs of this task are claimed again, as far as its limits allow; without limits nothing is left to
-- remember.
WITH
-- A pause without limits, gone.
ended AS (
    DELETE FROM :"schema".scheduled_job_limits AS limits
    WHERE limits.task_name = :task_name::text
        AND limits.paused
        AND limits.concurrency IS NULL
        AND limits.rate IS NULL
    RETURNING limits.task_name
),
-- Limits that go on without the pause.
kept AS (
    UPDATE :"schema".scheduled_job_limits AS limits
    SET paused = false,
        changed_at = :NOW
    WHERE limits.task_name = :task_name::text
        AND limits.paused
        AND (limits.concurrency IS NOT NULL OR limits.rate IS NOT NULL)
    RETURNING limits.task_name
),
-- The task, if it was paused.
resumed AS (
    SELECT ended.task_name FROM ended
    UNION ALL
    SELECT kept.task_name FROM kept
)
SELECT resumed.task_name, pg_notify(:channel::text, 'lane') AS lane_notified
FROM resumed;
