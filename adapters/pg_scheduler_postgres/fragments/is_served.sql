(
    (SELECT :queues::text[]) IS NULL
    OR job.queue COLLATE "C" = ANY (ARRAY(SELECT pg_catalog.unnest(:queues::text[])))
)
AND job.queue <> ALL (
    ARRAY(SELECT queues.queue FROM :"schema".scheduled_job_queues AS queues WHERE queues.paused)
)
