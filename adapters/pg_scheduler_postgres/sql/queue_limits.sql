-- Queues that have limits, by code point.
SELECT queues.queue, queues.concurrency, queues.rate, queues.limited_at
FROM :"schema".scheduled_job_queues AS queues
WHERE queues.concurrency IS NOT NULL OR queues.rate IS NOT NULL
ORDER BY queues.queue;
