-- The first queue behind this one that is served.
SELECT pg_catalog.min(served.queue COLLATE "C")
FROM pg_catalog.unnest(:queues::text[]) AS served (queue)
WHERE served.queue COLLATE "C" > before.queue
