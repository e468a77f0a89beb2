-- Where the next queue that may be served begins. No name stands between one and the same with that
-- character.
CASE WHEN (SELECT :queues::text[]) IS NULL THEN before.queue || pg_catalog.chr(1) ELSE (
    SELECT pg_catalog.min(served.queue COLLATE "C")
    FROM pg_catalog.unnest((SELECT :queues::text[])) AS served (queue)
    WHERE served.queue COLLATE "C" > before.queue
) END
