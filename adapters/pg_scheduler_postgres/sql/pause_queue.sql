-- No worker claims jobs that wait in this queue until it is resumed.
INSERT INTO :"schema".scheduled_job_queues AS queues (queue, paused, changed_at)
VALUES (:queue::text, true, :NOW)
ON CONFLICT (queue) DO UPDATE SET
    paused = true,
    changed_at = EXCLUDED.changed_at
WHERE NOT queues.paused
RETURNING queues.queue;
