-- What each gate has left after this claim: whether a slot, the seconds until its next token (NULL where it
-- has no rate), and whether somebody's transaction holds what it had room for.
remaining AS MATERIALIZED (
    SELECT
        gates.job_name, gates.lane,
        coalesce(gates.slots > coalesce(taken.jobs, 0), true) AS has_slot,
        (1::double precision - (gates.burst - gates.missing - coalesce(taken.jobs, 0)::double precision))
            / gates.rate AS token_seconds,
        coalesce(selection.jobs, 0) > coalesce(taken.jobs, 0) AS passed_over
    FROM gates
    LEFT JOIN selection USING (job_name, lane)
    LEFT JOIN taken USING (job_name, lane)
),
-- Seconds until a lane has something to give by itself.
next_opening AS (
    -- The next job to become due where there is a slot for it.
    SELECT pg_catalog.min(extract(EPOCH FROM first.execution_time - :NOW)) AS wait_seconds
    FROM lane_ranks
    JOIN remaining AS of_lane USING (job_name, lane)
    JOIN remaining AS of_queue ON of_queue.job_name = '' AND of_queue.lane = lane_ranks.queue
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_lane_rank
            AND job.execution_time > :NOW
            AND job.execution_time < 'infinity'
        ORDER BY job.execution_time
        LIMIT 1
    ) AS first
    WHERE of_lane.has_slot AND of_queue.has_slot
    UNION ALL
    -- The next start that rates allow, where a job is waiting for it.
    SELECT pg_catalog.min(greatest(of_lane.token_seconds, of_queue.token_seconds, 0))
    FROM (SELECT DISTINCT lane_ranks.queue, lane_ranks.job_name, lane_ranks.lane FROM lane_ranks) AS given
    JOIN remaining AS of_lane USING (job_name, lane)
    -- Those that this claim deals with.
    LEFT JOIN (
        SELECT dealt.queue, dealt.job_name, dealt.lane, pg_catalog.count(*) AS jobs
        FROM (
            SELECT locked.queue, locked.job_name, locked.lane FROM locked
            UNION ALL
            SELECT due_in_lanes.queue, due_in_lanes.job_name, due_in_lanes.lane
            FROM due_in_lanes
            WHERE due_in_lanes.is_late
        ) AS dealt
        GROUP BY dealt.queue, dealt.job_name, dealt.lane
    ) AS dealt USING (queue, job_name, lane)
    JOIN remaining AS of_queue ON of_queue.job_name = '' AND of_queue.lane = given.queue
    WHERE coalesce(of_lane.token_seconds, of_queue.token_seconds) IS NOT NULL
        AND of_lane.has_slot
        AND of_queue.has_slot
        -- What somebody's transaction holds is looked at again without this: see `passed_over`.
        AND NOT of_lane.passed_over
        AND NOT of_queue.passed_over
        AND EXISTS (
            SELECT 1
            FROM lane_ranks
            CROSS JOIN LATERAL (
                SELECT 1
                FROM :"schema".scheduled_jobs AS job
                WHERE
                    -- include: of_lane_rank
                    AND job.execution_time <= :NOW
                LIMIT coalesce(dealt.jobs, 0) + 1
            ) AS waiting
            WHERE lane_ranks.queue = given.queue
                AND lane_ranks.job_name = given.job_name
                AND lane_ranks.lane = given.lane
            OFFSET coalesce(dealt.jobs, 0)
        )
)
