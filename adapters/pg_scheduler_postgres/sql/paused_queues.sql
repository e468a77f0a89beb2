-- Queues that are paused, by code point.
SELECT queues.queue, queues.changed_at
FROM :"schema".scheduled_job_queues AS queues
WHERE queues.paused
ORDER BY queues.queue;
