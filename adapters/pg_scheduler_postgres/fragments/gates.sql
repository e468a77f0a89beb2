-- What a job passes before it starts: its lane, and its queue. The gate of a queue bears the name '' for its
-- task, as no task does. Of each gate: its limits, its row, how many tokens its bucket holds when it is full,
-- and how many it lacks now, negative since it has been full: never more than all, whatever rate held and
-- whatever the clock showed when that was written. See `domain/limits.py`.
tokens AS MATERIALIZED (
    SELECT
        known.job_name, known.lane, limits.concurrency, limits.rate, limits.resumed_at,
        state.claimed_in, state.claimed_at, state.refilled_at, state.full_at,
        CASE WHEN limits.rate IS NOT NULL THEN
            greatest(1, limits.rate * :burst_seconds::double precision)
        END AS burst,
        CASE WHEN limits.rate IS NOT NULL AND state.refilled_at IS NOT NULL THEN
            limits.rate * least(
                extract(EPOCH FROM state.refilled_at - :NOW)::double precision,
                least(extract(EPOCH FROM state.claimed_at - :NOW)::double precision, 0)
                    + greatest(1::double precision / limits.rate, :burst_seconds::double precision)
            )
        END AS lacking
    FROM (
        SELECT lane_ranks.job_name, lane_ranks.lane FROM lane_ranks
        UNION
        SELECT '', lane_ranks.queue FROM lane_ranks
    ) AS known
    LEFT JOIN LATERAL (
        SELECT task.concurrency, task.rate, task.resumed_at
        FROM :"schema".scheduled_job_limits AS task
        WHERE task.task_name = known.job_name COLLATE "C"
        UNION ALL
        SELECT queues.concurrency, queues.rate, queues.resumed_at
        FROM :"schema".scheduled_job_queues AS queues
        WHERE known.job_name = '' AND queues.queue = known.lane
    ) AS limits ON true
    LEFT JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = known.job_name COLLATE "C" AND state.lane = known.lane
),
-- How many jobs each gate lets pass now (`capacity`), how many its concurrency alone allows (`slots`; NULL
-- where it has none), and since when a job could have passed (`waits_from`; NULL: since ever). A queue
-- without limits has no row that is written (`is_written`).
gates AS MATERIALIZED (
    SELECT
        tokens.job_name, tokens.lane, tokens.rate, tokens.burst,
        tokens.claimed_in, tokens.claimed_at, tokens.refilled_at, tokens.full_at,
        tokens.job_name <> '' OR coalesce(tokens.concurrency, tokens.rate) IS NOT NULL AS is_written,
        greatest(tokens.lacking, 0) AS missing,
        greatest(
            least(
                :limit::integer,
                tokens.concurrency - running.jobs,
                pg_catalog.floor(
                    tokens.burst - greatest(tokens.lacking, 0) + :token_rounding::double precision
                )
            ),
            0
        )::integer AS capacity,
        tokens.concurrency - running.jobs AS slots,
        greatest(
            tokens.resumed_at,
            tokens.full_at + pg_catalog.make_interval(secs => :full_patience::double precision),
            :NOW - pg_catalog.make_interval(
                secs => (tokens.burst - 1::double precision - tokens.lacking) / tokens.rate
            )
        ) AS waits_from
    FROM tokens
    CROSS JOIN LATERAL (
        -- One count of all four: as expressions they would be counted in each place where they are used.
        SELECT pg_catalog.count(*) AS jobs
        FROM (
            SELECT 1
            FROM :"schema".scheduled_jobs AS job
            WHERE tokens.concurrency IS NOT NULL
                AND tokens.job_name <> ''
                AND job.status = 'running'
                AND job.lane IS NOT NULL
                AND job.job_name = tokens.job_name COLLATE "default"
                AND job.lane = tokens.lane
                -- Not an attempt of an earlier definition, from another lane.
                AND job.counts_epoch IS DISTINCT FROM job.epoch
            UNION ALL
            SELECT 1
            FROM :"schema".scheduled_jobs AS job
            WHERE tokens.concurrency IS NOT NULL
                AND tokens.job_name = ''
                AND job.status = 'running'
                AND job.lane IS NOT NULL
                AND job.queue = tokens.lane
                AND job.counts_epoch IS DISTINCT FROM job.epoch
            UNION ALL
            SELECT 1
            FROM :"schema".scheduled_jobs AS job
            WHERE tokens.concurrency IS NOT NULL
                AND tokens.job_name <> ''
                AND job.status = 'running'
                AND job.counts_epoch IS NOT NULL
                AND job.counts_name = tokens.job_name COLLATE "default"
                AND job.counts_lane = tokens.lane
                AND job.counts_epoch = job.epoch
            UNION ALL
            SELECT 1
            FROM :"schema".scheduled_jobs AS job
            WHERE tokens.concurrency IS NOT NULL
                AND tokens.job_name = ''
                AND job.status = 'running'
                AND job.counts_epoch IS NOT NULL
                AND job.counts_queue = tokens.lane
                AND job.counts_epoch = job.epoch
        ) AS run
    ) AS running
),
-- Those of queues, by themselves: they are few, and each rank looks for its own.
queue_gates AS MATERIALIZED (
    SELECT gates.lane AS queue, gates.capacity, gates.is_written, gates.waits_from
    FROM gates
    WHERE gates.job_name = ''
),
-- The ranks of lanes, with what their gates say.
ranks AS MATERIALIZED (
    SELECT
        lane_ranks.*,
        of_lane.capacity,
        CASE WHEN of_queue.is_written THEN of_queue.capacity ELSE 2147483647 END AS queue_capacity,
        of_queue.is_written AS in_limited_queue,
        greatest(of_lane.waits_from, of_queue.waits_from) AS waits_from
    FROM lane_ranks
    JOIN gates AS of_lane USING (job_name, lane)
    JOIN queue_gates AS of_queue USING (queue)
)
