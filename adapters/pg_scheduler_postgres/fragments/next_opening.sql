-- Seconds until a lane has something to give by itself.
next_opening AS (
    -- The next job to become due in a lane that has a slot for it.
    SELECT pg_catalog.min(extract(EPOCH FROM first.execution_time - :NOW)) AS wait_seconds
    FROM lane_capacity
    JOIN lane_ranks USING (job_name, lane)
    LEFT JOIN taken USING (job_name, lane)
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.job_name = lane_ranks.job_name
            AND job.lane = lane_ranks.lane
            AND job.priority = lane_ranks.priority
            AND job.execution_time > :NOW
            AND job.execution_time < 'infinity'
        ORDER BY job.execution_time
        LIMIT 1
    ) AS first
    WHERE coalesce(lane_capacity.slots > coalesce(taken.jobs, 0), true)
    UNION ALL
    -- The next start that a rate allows, where a job is waiting for it.
    SELECT pg_catalog.min(
        greatest(
            (1::double precision - (
                lane_capacity.burst - lane_capacity.missing - coalesce(taken.jobs, 0)::double precision
            ))
                / lane_capacity.rate,
            0
        )
    )
    FROM lane_capacity
    LEFT JOIN taken USING (job_name, lane)
    LEFT JOIN (
        SELECT due_in_lanes.job_name, due_in_lanes.lane, pg_catalog.count(*) AS jobs
        FROM due_in_lanes
        WHERE due_in_lanes.is_late
        GROUP BY due_in_lanes.job_name, due_in_lanes.lane
    ) AS expiring USING (job_name, lane)
    WHERE lane_capacity.rate IS NOT NULL
        -- What somebody's transaction holds is looked at again without this: see `passed_over`.
        AND coalesce(taken.passed_over, 0) = 0
        AND coalesce(lane_capacity.slots > coalesce(taken.jobs, 0), true)
        AND EXISTS (
            SELECT 1
            FROM lane_ranks
            CROSS JOIN LATERAL (
                SELECT 1
                FROM :"schema".scheduled_jobs AS job
                WHERE job.status = 'pending'
                    AND job.lane IS NOT NULL
                    AND job.job_name = lane_ranks.job_name
                    AND job.lane = lane_ranks.lane
                    AND job.priority = lane_ranks.priority
                    AND job.execution_time <= :NOW
                LIMIT coalesce(taken.jobs, 0) + coalesce(expiring.jobs, 0) + 1
            ) AS waiting
            WHERE lane_ranks.job_name = lane_capacity.job_name AND lane_ranks.lane = lane_capacity.lane
            OFFSET coalesce(taken.jobs, 0) + coalesce(expiring.jobs, 0)
        )
)
