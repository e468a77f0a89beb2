-- This queue has no limits any more. A pause stays, and so does the word of when the last one ended.
WITH
-- What there is, locked.
held AS MATERIALIZED (
    SELECT queues.queue, queues.paused OR queues.resumed_at IS NOT NULL AS stays
    FROM :"schema".scheduled_job_queues AS queues
    WHERE queues.queue = :queue::text AND -- include: queue_has_limits
    FOR UPDATE
),
-- Limits of which nothing is to be remembered, gone.
ended AS (
    DELETE FROM :"schema".scheduled_job_queues AS queues
    USING held
    WHERE queues.queue = held.queue AND NOT held.stays
),
-- Others, set to nothing.
emptied AS (
    UPDATE :"schema".scheduled_job_queues AS queues
    SET concurrency = NULL,
        rate = NULL,
        limited_at = :NOW
    FROM held
    WHERE queues.queue = held.queue AND held.stays
)
SELECT held.queue, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
FROM held;
