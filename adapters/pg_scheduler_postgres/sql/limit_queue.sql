-- The limits of a queue. The row of its gate is made with them, so that claims find it; limits that changed
-- by nothing are left alone.
WITH
-- The limits.
changed AS (
    INSERT INTO :"schema".scheduled_job_queues AS queues (queue, concurrency, rate, limited_at, changed_at)
    VALUES (:queue::text, :concurrency::integer, :rate::double precision, :NOW, :NOW)
    ON CONFLICT (queue) DO UPDATE SET
        concurrency = EXCLUDED.concurrency,
        rate = EXCLUDED.rate,
        limited_at = EXCLUDED.limited_at
    WHERE (queues.concurrency, queues.rate) IS DISTINCT FROM (EXCLUDED.concurrency, EXCLUDED.rate)
    RETURNING queues.queue
),
-- The gate. One that is there is not touched: the INSERT would wait for a claim that holds it.
made AS (
    INSERT INTO :"schema".scheduled_job_lanes (task_name, lane, claimed_in, claimed_at, granted)
    SELECT '', :queue::text, pg_catalog.pg_current_xact_id(), :NOW, 0
    WHERE NOT EXISTS (
        SELECT 1
        FROM :"schema".scheduled_job_lanes AS gate
        WHERE gate.task_name = '' AND gate.lane = :queue::text
    )
    ON CONFLICT (task_name, lane) DO NOTHING
)
SELECT changed.queue, pg_catalog.pg_notify(:channel::text, 'lane') AS lane_notified
FROM changed;
