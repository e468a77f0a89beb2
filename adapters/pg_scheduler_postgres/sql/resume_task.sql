-- Jobs of this task are claimed again, as far as its limits allow. That they waited until now is no fault of
-- theirs: their grace counts from here.
UPDATE :"schema".scheduled_job_limits AS limits
SET paused = false,
    resumed_at = :NOW,
    changed_at = :NOW
WHERE limits.task_name = :task_name::text AND limits.paused
RETURNING limits.task_name, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified;
