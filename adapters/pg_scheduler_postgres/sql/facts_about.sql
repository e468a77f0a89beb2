-- What decides whether and when one job starts, all of one moment. It waits for nobody: a row that somebody's
-- open transaction holds is read as it was last committed, and that it is held is one of the facts.
WITH
-- The job, and who has locked its row.
wanted AS MATERIALIZED (
    SELECT
        job.job_id, job.job_name COLLATE "C" AS job_name, job.queue,
        coalesce(job.lane, '') AS lane, job.lane IS NULL AS outside_lanes,
        job.priority, job.execution_time, job.status, job.schedule_key, job.exclusive_key,
        job.xmax AS locked_by
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = :job_id::text
),
-- Its row, if a claim could have it.
free AS MATERIALIZED (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = :job_id::text AND job.status = 'pending'
    FOR UPDATE OF job SKIP LOCKED
),
-- The gates that it has to pass.
lane_ranks AS MATERIALIZED (
    SELECT wanted.job_name, wanted.lane, wanted.queue
    FROM wanted
),
-- include: gates,
-- What runs behind the gate of its lane, some of it.
behind_lane AS (
    SELECT job.job_id, job.worker_id, job.started_at
    FROM :"schema".scheduled_jobs AS job
    JOIN wanted ON job.job_name = wanted.job_name COLLATE "default" AND job.lane = wanted.lane
    WHERE job.status = 'running'
        AND job.lane IS NOT NULL
        AND EXISTS (SELECT 1 FROM gates WHERE gates.job_name <> '' AND gates.slots IS NOT NULL)
    ORDER BY job.started_at, job.job_id COLLATE "C"
    LIMIT (SELECT :holders_shown::integer)
),
-- The same of its queue.
behind_queue AS (
    SELECT job.job_id, job.worker_id, job.started_at
    FROM :"schema".scheduled_jobs AS job
    JOIN wanted ON job.queue = wanted.queue
    WHERE job.status = 'running'
        AND job.lane IS NOT NULL
        AND EXISTS (SELECT 1 FROM gates WHERE gates.job_name = '' AND gates.slots IS NOT NULL)
    ORDER BY job.started_at, job.job_id COLLATE "C"
    LIMIT (SELECT :holders_shown::integer)
),
-- What runs, by worker.
running AS (
    SELECT
        job.worker_id,
        pg_catalog.count(*) AS jobs,
        pg_catalog.count(*) FILTER (WHERE job.queue = wanted.queue) AS of_queue
    FROM :"schema".scheduled_jobs AS job
    CROSS JOIN wanted
    WHERE job.status = 'running'
    GROUP BY job.worker_id
),
-- What each worker has to do with the job.
hands AS MATERIALIZED (
    SELECT
        worker.worker_id, worker.wish, worker.state, worker.listening, worker.capacity, worker.app_version,
        coalesce(worker.lease_until, worker.last_seen) >= :NOW AS alive,
        greatest(pg_catalog.date_part('epoch', :NOW - worker.last_seen), 0) AS seen_seconds_ago,
        coalesce(wanted.job_name = ANY (worker.task_names), true) AS knows,
        coalesce(wanted.job_name = ANY (worker.chosen), true) AS chosen,
        coalesce(pg_catalog.jsonb_exists(worker.queues, wanted.queue), true) AS serves,
        (worker.queues ->> wanted.queue)::integer AS queue_slots,
        coalesce(running.jobs, 0) AS running,
        coalesce(running.of_queue, 0) AS running_of_queue
    FROM :"schema".scheduled_job_workers AS worker
    CROSS JOIN wanted
    LEFT JOIN running ON running.worker_id = worker.worker_id
),
-- What others know, where nobody knows its task.
names AS (
    SELECT DISTINCT name.name COLLATE "C" AS name
    FROM :"schema".scheduled_job_workers AS worker
    CROSS JOIN LATERAL pg_catalog.unnest(worker.task_names) AS name (name)
    WHERE coalesce(worker.lease_until, worker.last_seen) >= :NOW
        AND NOT EXISTS (SELECT 1 FROM hands WHERE hands.alive AND hands.knows)
),
-- What stands before it in its stream or lane, due or not, of either index of jobs that wait.
before_it AS (
    (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        JOIN wanted ON wanted.outside_lanes AND wanted.status = 'pending'
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.queue = wanted.queue
            AND job.job_name COLLATE "C" = wanted.job_name
            AND (job.priority, job.execution_time, job.job_id)
                < (wanted.priority, wanted.execution_time, wanted.job_id)
        ORDER BY job.priority, job.execution_time, job.job_id
        LIMIT (SELECT :most_ahead::integer)
    )
    UNION ALL
    (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        JOIN wanted ON NOT wanted.outside_lanes AND wanted.status = 'pending'
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.queue = wanted.queue
            AND job.job_name COLLATE "C" = wanted.job_name
            AND job.lane = wanted.lane
            AND (job.priority, job.execution_time, job.job_id)
                < (wanted.priority, wanted.execution_time, wanted.job_id)
        ORDER BY job.priority, job.execution_time, job.job_id
        LIMIT (SELECT :most_ahead::integer)
    )
),
-- The run that has the lock of its schedule.
other_run AS (
    SELECT job.job_id, job.worker_id, job.started_at
    FROM :"schema".scheduled_jobs AS job
    JOIN wanted ON job.schedule_key = wanted.schedule_key
    WHERE wanted.exclusive_key IS NOT NULL
        AND job.schedule_key IS NOT NULL
        AND job.status = 'running'
        AND job.job_id <> wanted.job_id
    ORDER BY job.job_id COLLATE "C"
    LIMIT 1
),
-- Whose transaction holds its row, where this role may see that.
holder AS (
    SELECT
        activity.pid, activity.application_name, activity.state,
        pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - activity.xact_start) AS seconds
    FROM wanted
    JOIN pg_catalog.pg_locks AS held
        ON held.locktype = 'transactionid' AND held.granted AND held.transactionid = wanted.locked_by
    JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = held.pid
    LIMIT 1
)
SELECT
    -- include: shown_columns,
    :NOW AS now,
    attempt.epoch AS last_epoch, attempt.attempt AS last_attempt, attempt.worker_id AS last_worker_id,
    attempt.started_at AS last_started_at, attempt.finished_at AS last_finished_at,
    attempt.outcome AS last_outcome, attempt.error_message AS last_error,
    (
        SELECT limits.changed_at
        FROM :"schema".scheduled_job_limits AS limits
        WHERE limits.task_name = wanted.job_name AND limits.paused
    ) AS task_paused_since,
    (
        SELECT queues.changed_at
        FROM :"schema".scheduled_job_queues AS queues
        WHERE queues.queue = wanted.queue AND queues.paused
    ) AS queue_paused_since,
    of_lane.concurrency AS lane_concurrency, of_lane.rate AS lane_rate, lane_gate.slots AS lane_slots,
    of_lane.claimed_at AS lane_claimed_at, of_lane.refilled_at AS lane_refilled_at,
    of_queue.concurrency AS queue_concurrency, of_queue.rate AS queue_rate, queue_gate.slots AS queue_slots,
    of_queue.claimed_at AS queue_claimed_at, of_queue.refilled_at AS queue_refilled_at,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(behind_lane))::text FROM behind_lane) AS lane_holders,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(behind_queue))::text FROM behind_queue) AS queue_holders,
    (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(other_run))::text FROM other_run) AS other_runs,
    (
        SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(hands) ORDER BY hands.worker_id COLLATE "C")::text
        FROM hands
    ) AS workers,
    (SELECT pg_catalog.array_agg(names.name ORDER BY names.name) FROM names) AS known_names,
    (SELECT pg_catalog.count(*)::integer FROM before_it WHERE before_it.execution_time <= :NOW) AS ahead,
    job.status = 'pending' AND NOT EXISTS (SELECT 1 FROM free) AS row_is_held,
    (SELECT pg_catalog.to_jsonb(holder)::text FROM holder) AS holder
FROM :"schema".scheduled_jobs AS job
CROSS JOIN wanted
JOIN tokens AS of_lane ON of_lane.job_name = wanted.job_name
JOIN gates AS lane_gate ON lane_gate.job_name = wanted.job_name
JOIN tokens AS of_queue ON of_queue.job_name = ''
JOIN gates AS queue_gate ON queue_gate.job_name = ''
LEFT JOIN LATERAL (
    SELECT attempts.*
    FROM :"schema".scheduled_job_attempts AS attempts
    WHERE attempts.job_id = wanted.job_id
    ORDER BY attempts.epoch DESC
    LIMIT 1
) AS attempt ON true
WHERE job.job_id = :job_id::text;
