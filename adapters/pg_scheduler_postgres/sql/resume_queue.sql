-- Jobs that wait in this queue are claimed again. That they waited until now is no fault of theirs: their
-- grace counts from here.
UPDATE :"schema".scheduled_job_queues AS queues
SET paused = false,
    resumed_at = :NOW,
    changed_at = :NOW
WHERE queues.queue = :queue::text AND queues.paused
RETURNING queues.queue, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified;
