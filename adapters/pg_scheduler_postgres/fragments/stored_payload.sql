-- What is told of jobs that were stored, as `payloads.py` reads it: no name is longer than 255 characters, so
-- a notification always has room for it.
-- In a transaction of several statements the word alone, as equal notifications are sent once.
CASE WHEN NOT :waits_known::boolean THEN 'due' ELSE 'due ' || pg_catalog.json_build_object(
    'key', pg_catalog.min(stored.job_id COLLATE "C"),
    'jobs', pg_catalog.count(*),
    'due_in', greatest(
        extract(EPOCH FROM pg_catalog.min(stored.execution_time) - :WALL_CLOCK)::double precision, 0
    ),
    'queue', CASE
        WHEN pg_catalog.min(stored.queue) = pg_catalog.max(stored.queue) THEN pg_catalog.min(stored.queue)
    END,
    'task', CASE
        WHEN pg_catalog.min(stored.job_name COLLATE "C") = pg_catalog.max(stored.job_name COLLATE "C")
        THEN pg_catalog.min(stored.job_name COLLATE "C")
    END,
    'lanes', pg_catalog.bool_or(stored.lane IS NOT NULL)
)::text END
