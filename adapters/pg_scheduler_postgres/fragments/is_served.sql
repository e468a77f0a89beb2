(
    :queues::text[] IS NULL
    OR job.queue COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
)
