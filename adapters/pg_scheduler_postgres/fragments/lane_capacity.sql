-- How many tokens the bucket of each lane with a rate holds when it is full, and how many it lacks now,
-- negative since it has been full: never more than all, whatever rate held and whatever the clock showed
-- when that was written. See `domain/limits.py`.
lane_tokens AS MATERIALIZED (
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
        SELECT DISTINCT lane_ranks.job_name, lane_ranks.lane
        FROM lane_ranks
    ) AS known
    LEFT JOIN :"schema".scheduled_job_limits AS limits ON limits.task_name = known.job_name COLLATE "C"
    LEFT JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = known.job_name COLLATE "C" AND state.lane = known.lane
),
-- How many jobs may start in each lane now (`capacity`), how many its concurrency alone allows (`slots`; NULL
-- where it has none), and since when a job could have started, as far as the lane is concerned
-- (`waits_from`; NULL: since ever).
lane_capacity AS MATERIALIZED (
    SELECT
        lane_tokens.job_name, lane_tokens.lane, lane_tokens.rate, lane_tokens.burst,
        lane_tokens.claimed_in, lane_tokens.claimed_at, lane_tokens.refilled_at, lane_tokens.full_at,
        greatest(lane_tokens.lacking, 0) AS missing,
        greatest(
            least(
                :limit::integer,
                lane_tokens.concurrency - running.jobs,
                pg_catalog.floor(
                    lane_tokens.burst - greatest(lane_tokens.lacking, 0) + :token_rounding::double precision
                )
            ),
            0
        )::integer AS capacity,
        lane_tokens.concurrency - running.jobs AS slots,
        greatest(
            lane_tokens.resumed_at,
            lane_tokens.full_at + pg_catalog.make_interval(secs => :full_patience::double precision),
            :NOW - pg_catalog.make_interval(
                secs => (lane_tokens.burst - 1::double precision - lane_tokens.lacking) / lane_tokens.rate
            )
        ) AS waits_from
    FROM lane_tokens
    CROSS JOIN LATERAL (
        SELECT
            (
                SELECT pg_catalog.count(*)
                FROM :"schema".scheduled_jobs AS job
                WHERE lane_tokens.concurrency IS NOT NULL
                    AND job.status = 'running'
                    AND job.lane IS NOT NULL
                    AND job.job_name = lane_tokens.job_name
                    AND job.lane = lane_tokens.lane
                    -- Not an attempt of an earlier definition, from another lane.
                    AND job.counts_epoch IS DISTINCT FROM job.epoch
            ) + (
                SELECT pg_catalog.count(*)
                FROM :"schema".scheduled_jobs AS job
                WHERE lane_tokens.concurrency IS NOT NULL
                    AND job.status = 'running'
                    AND job.counts_epoch IS NOT NULL
                    AND job.counts_name = lane_tokens.job_name
                    AND job.counts_lane = lane_tokens.lane
                    AND job.counts_epoch = job.epoch
            ) AS jobs
    ) AS running
)
