-- Queues that have limits, by code point.
SELECT queues.queue, queues.concurrency, queues.rate, queues.limited_at
FROM :"schema".scheduled_job_queues AS queues
WHERE -- include: queue_has_limits
ORDER BY queues.queue;
