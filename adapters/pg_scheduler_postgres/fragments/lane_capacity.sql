-- How many tokens the bucket of each lane with a rate holds when it is full, and how many it lacks now:
-- never more than all, even if the clock was set back. See `domain/limits.py`.
lane_tokens AS MATERIALIZED (
    SELECT
        known.job_name, known.lane, limits.concurrency, limits.rate,
        CASE WHEN limits.rate IS NOT NULL THEN
            greatest(1, limits.rate * :burst_seconds::double precision)
        END AS burst,
        CASE WHEN limits.rate IS NOT NULL THEN
            least(
                greatest(extract(EPOCH FROM state.refilled_at - :NOW)::double precision, 0) * limits.rate,
                greatest(1, limits.rate * :burst_seconds::double precision)
            )
        END AS missing
    FROM (
        SELECT DISTINCT lane_ranks.job_name, lane_ranks.lane
        FROM lane_ranks
    ) AS known
    LEFT JOIN :"schema".scheduled_job_limits AS limits ON limits.task_name = known.job_name COLLATE "C"
    LEFT JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = known.job_name COLLATE "C" AND state.lane = known.lane
),
-- How many jobs may start in each lane now (`capacity`), and how many its concurrency alone allows (`slots`;
-- NULL where it has none).
lane_capacity AS MATERIALIZED (
    SELECT
        lane_tokens.job_name, lane_tokens.lane, lane_tokens.rate, lane_tokens.burst, lane_tokens.missing,
        greatest(
            least(
                :limit::integer,
                lane_tokens.concurrency - running.jobs,
                floor(lane_tokens.burst - lane_tokens.missing + :token_rounding::double precision)
            ),
            0
        )::integer AS capacity,
        lane_tokens.concurrency - running.jobs AS slots
    FROM lane_tokens
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs
        FROM :"schema".scheduled_jobs AS job
        WHERE lane_tokens.concurrency IS NOT NULL
            AND job.status = 'running'
            AND job.lane IS NOT NULL
            AND job.job_name = lane_tokens.job_name
            AND job.lane = lane_tokens.lane
    ) AS running
)
