-- The first job of each rank that is due, unless it is too late to start, where there are at least as many of
-- these as jobs are wanted. Limits of queues say more than that of what comes first: then nobody looks.
heads AS MATERIALIZED (
    SELECT
        lane_ranks.queue, lane_ranks.job_name, lane_ranks.lane, lane_ranks.priority,
        first.execution_time, first.job_id
    FROM ranks AS lane_ranks
    CROSS JOIN LATERAL (
        SELECT
            job.execution_time, job.job_id,
            -- include: is_late_in_lane AS is_late
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_lane_rank
            AND job.execution_time <= :NOW
        ORDER BY job.execution_time, job.job_id
        LIMIT 1
    ) AS first
    WHERE lane_ranks.capacity > 0
        AND NOT first.is_late
        AND (SELECT pg_catalog.count(*) FROM ranks) >= :limit::integer
        AND NOT EXISTS (SELECT 1 FROM ranks AS any_rank WHERE any_rank.in_limited_queue)
),
-- Of so many lanes the first jobs are all that are wanted, or what stands before them: nothing behind the
-- last of these is taken.
last_head AS MATERIALIZED (
    SELECT of_lane.priority, of_lane.execution_time, of_lane.job_id
    FROM (
        SELECT DISTINCT ON (heads.job_name, heads.lane) heads.priority, heads.execution_time, heads.job_id
        FROM heads
        ORDER BY heads.job_name, heads.lane, heads.priority, heads.execution_time, heads.job_id
    ) AS of_lane
    -- include: claim_order
    LIMIT 1
    OFFSET (SELECT :limit::integer - 1)
),
-- The ranks that have something to give, each with the last of its jobs that may be wanted.
within_reach AS MATERIALIZED (
    SELECT
        lane_ranks.*,
        CASE WHEN last_head.priority = lane_ranks.priority THEN last_head.execution_time ELSE 'infinity' END
            AS until_time,
        CASE WHEN last_head.priority = lane_ranks.priority THEN last_head.job_id ELSE '' END AS until_id
    FROM ranks AS lane_ranks
    LEFT JOIN heads USING (queue, job_name, lane, priority)
    LEFT JOIN last_head ON true
    WHERE least(lane_ranks.capacity, lane_ranks.queue_capacity) > 0
        -- What begins with a late one is looked at whole.
        AND (
            last_head.priority IS NULL
            OR heads.priority IS NULL
            OR (heads.priority, heads.execution_time, heads.job_id)
                <= (last_head.priority, last_head.execution_time, last_head.job_id)
        )
)
