-- Somebody wants a worker to do something. It hears of it with its next renewal; the signal makes that now.
WITH
-- What it was asked for before, if there is such a worker.
known AS (
    SELECT worker.worker_id, worker.wish
    FROM :"schema".scheduled_job_workers AS worker
    WHERE worker.worker_id = :worker_id::text
    FOR NO KEY UPDATE OF worker
),
-- What it is asked for now.
changed AS (
    UPDATE :"schema".scheduled_job_workers AS worker
    SET wish = :wish::text
    FROM known
    WHERE worker.worker_id = known.worker_id AND known.wish <> :wish::text
    RETURNING worker.worker_id
)
SELECT
    known.wish,
    (SELECT pg_catalog.count(pg_catalog.pg_notify(:channel::text, 'worker')) FROM changed) AS notified
FROM known;
