-- What is wrong with jobs and schedules is found in this: what is due, what waits before full lanes, what
-- fails, leases that are over, schedules that are late or retired, and pauses. It reads the heads of streams
-- and of ranks of lanes, so many at the most, whatever waits behind them.
WITH RECURSIVE
-- include: waiting_streams,
-- The ranks of lanes in which jobs wait, each found by one probe of their index.
waiting_lanes (queue, job_name, lane, priority) AS (
    SELECT '' COLLATE "C", '' COLLATE "C", '' COLLATE "C", -2147483648
    UNION ALL
    SELECT job.queue, job.job_name, job.lane, job.priority
    FROM waiting_lanes AS before
    CROSS JOIN LATERAL (
        SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.lane, job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND (job.queue, job.job_name COLLATE "C", job.lane, job.priority)
                > (before.queue, before.job_name, before.lane, before.priority)
        ORDER BY job.queue, job.job_name COLLATE "C", job.lane, job.priority
        LIMIT 1
    ) AS job
),
-- The first job of each, where it is due.
heads AS MATERIALIZED (
    SELECT stream.queue, stream.job_name, NULL::text COLLATE "C" AS lane, job.execution_time
    FROM (SELECT * FROM waiting_streams LIMIT (SELECT :most_streams::integer + 1)) AS stream
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_stream
        ORDER BY job.execution_time, job.job_id
        LIMIT 1
    ) AS job
    WHERE job.execution_time <= :NOW
    UNION ALL
    SELECT rank.queue, rank.job_name, rank.lane, job.execution_time
    FROM (SELECT * FROM waiting_lanes LIMIT (SELECT :most_streams::integer + 1)) AS rank
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.queue = rank.queue
            AND job.job_name COLLATE "C" = rank.job_name
            AND job.lane = rank.lane
            AND job.priority = rank.priority
        ORDER BY job.execution_time, job.job_id
        LIMIT 1
    ) AS job
    WHERE job.execution_time <= :NOW
),
-- Since when jobs of each task and queue wait.
due AS (
    SELECT waiting.queue, waiting.job_name,
        -- include: oldest_due
    FROM (SELECT heads.queue, heads.job_name, heads.execution_time AS oldest FROM heads) AS waiting
    GROUP BY waiting.queue, waiting.job_name
),
-- Lanes, and queues with limits, that somebody has seen full a moment ago, and since when jobs wait there.
full_gates AS (
    SELECT state.task_name, state.lane,
        -- include: oldest_due
    FROM (
        SELECT heads.job_name AS task_name, heads.lane, heads.execution_time AS oldest
        FROM heads
        WHERE heads.lane IS NOT NULL
        UNION ALL
        SELECT '', heads.queue, heads.execution_time
        FROM heads
        WHERE heads.lane IS NOT NULL
    ) AS waiting
    JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = waiting.task_name COLLATE "C" AND state.lane = waiting.lane
    WHERE state.full_at > :NOW - pg_catalog.make_interval(secs => :full_patience::double precision)
    GROUP BY state.task_name, state.lane
),
-- Tasks of which attempts failed in the last minutes, by what workers have written.
failing AS (
    SELECT
        minutes.task_name,
        pg_catalog.sum(minutes.failed + minutes.retried)::integer AS failed,
        pg_catalog.sum(minutes.completed)::integer AS completed
    FROM :"schema".scheduled_job_minutes AS minutes
    WHERE minutes.minute >= :NOW - pg_catalog.make_interval(secs => :lately_seconds::double precision)
        AND minutes.task_name <> ''
    GROUP BY minutes.task_name
    HAVING pg_catalog.sum(minutes.failed + minutes.retried) > 0
    ORDER BY 2 DESC, minutes.task_name
    LIMIT (SELECT :most_failing::integer)
),
-- Running jobs that nobody has a lease of, or wants.
lost AS (
    SELECT pg_catalog.count(*)::integer AS jobs, pg_catalog.min(job.lease_until) AS since
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
        AND job.lease_until < :NOW
        AND NOT EXISTS (
            SELECT 1
            FROM :"schema".scheduled_job_workers AS worker
            WHERE worker.worker_id = job.worker_id
                AND worker.lease_until >= :NOW
                AND job.job_id = ANY (worker.held_up)
        )
),
-- Schedules that need a step, and do not wait for a run of their own.
late AS (
    SELECT schedule.schedule_key, schedule.task_name, schedule.spec, schedule.next_window
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE NOT schedule.paused
        AND NOT schedule.retired
        AND (schedule.next_window IS NULL OR schedule.next_window <= :NOW)
        AND NOT (
            schedule.waits
            AND -- include: is_busy
        )
    ORDER BY schedule.next_window NULLS FIRST, schedule.schedule_key
    LIMIT (SELECT :most_schedules::integer)
),
-- Schedules that no code defines any more.
retired AS (
    SELECT schedule.schedule_key, schedule.task_name, schedule.heartbeat
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE schedule.retired
    ORDER BY schedule.heartbeat DESC, schedule.schedule_key
    LIMIT (SELECT :most_schedules::integer)
)
SELECT
    moment.now,
    lost.jobs AS lost,
    lost.since AS lost_since,
    (
        SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(due) ORDER BY due.queue, due.job_name)::text
        FROM due
    ) AS due,
    (
        SELECT pg_catalog.jsonb_agg(
            pg_catalog.to_jsonb(failing) ORDER BY failing.failed DESC, failing.task_name
        )::text
        FROM failing
    ) AS failing,
    (
        SELECT pg_catalog.jsonb_agg(
            pg_catalog.to_jsonb(full_gates) ORDER BY full_gates.task_name, full_gates.lane
        )::text
        FROM full_gates
    ) AS full_gates,
    (
        SELECT pg_catalog.jsonb_agg(
            pg_catalog.to_jsonb(late) || pg_catalog.jsonb_build_object('spec', late.spec::text)
            ORDER BY late.schedule_key
        )::text
        FROM late
    ) AS late,
    (
        SELECT pg_catalog.jsonb_agg(
            pg_catalog.to_jsonb(retired) ORDER BY retired.heartbeat DESC, retired.schedule_key
        )::text
        FROM retired
    ) AS retired,
    (
        SELECT pg_catalog.jsonb_object_agg(limits.task_name, limits.changed_at)::text
        FROM :"schema".scheduled_job_limits AS limits
        WHERE limits.paused
    ) AS paused_tasks,
    (
        SELECT pg_catalog.jsonb_object_agg(queues.queue, queues.changed_at)::text
        FROM :"schema".scheduled_job_queues AS queues
        WHERE queues.paused
    ) AS paused_queues
FROM (SELECT :NOW AS now) AS moment
CROSS JOIN lost;
