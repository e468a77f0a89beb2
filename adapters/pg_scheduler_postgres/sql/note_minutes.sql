-- Add what a worker did to its rows of this minute, and delete some of what is older than is kept.
WITH
-- What is too old. Whoever deletes it already does so alone.
old AS (
    SELECT minutes.minute, minutes.worker_id, minutes.queue, minutes.task_name
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute < :NOW - pg_catalog.make_interval(secs => :kept_seconds::double precision)
    ORDER BY minutes.minute, minutes.worker_id, minutes.queue, minutes.task_name
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
),
-- It goes.
gone AS (
    DELETE FROM :"schema".scheduled_job_minutes AS minutes
    USING old
    WHERE minutes.minute = old.minute
        AND minutes.worker_id = old.worker_id
        AND minutes.queue = old.queue
        AND minutes.task_name = old.task_name
)
INSERT INTO :"schema".scheduled_job_minutes AS minutes (
    minute, worker_id, queue, task_name, started, completed, failed, retried, cancelled, waits, runs
)
SELECT
    pg_catalog.date_trunc('minute', :NOW), :worker_id::text, work.queue, work.task_name, work.started,
    work.completed, work.failed, work.retried, work.cancelled,
    pg_catalog.string_to_array(work.waits, ',')::integer[],
    pg_catalog.string_to_array(work.runs, ',')::integer[]
FROM unnest(
    :queues::text[], :task_names::text[], :started::integer[], :completed::integer[], :failed::integer[],
    :retried::integer[], :cancelled::integer[], :waits::text[], :runs::text[]
) AS work (queue, task_name, started, completed, failed, retried, cancelled, waits, runs)
ON CONFLICT (minute, worker_id, queue, task_name) DO UPDATE SET
    started = minutes.started + EXCLUDED.started,
    completed = minutes.completed + EXCLUDED.completed,
    failed = minutes.failed + EXCLUDED.failed,
    retried = minutes.retried + EXCLUDED.retried,
    cancelled = minutes.cancelled + EXCLUDED.cancelled,
    waits = ARRAY(
        SELECT sums.one + sums.two
        FROM unnest(minutes.waits, EXCLUDED.waits) WITH ORDINALITY AS sums (one, two, place)
        ORDER BY sums.place
    ),
    runs = ARRAY(
        SELECT sums.one + sums.two
        FROM unnest(minutes.runs, EXCLUDED.runs) WITH ORDINALITY AS sums (one, two, place)
        ORDER BY sums.place
    );
