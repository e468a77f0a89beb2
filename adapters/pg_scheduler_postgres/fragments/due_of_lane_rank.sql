-- The due jobs of one rank of a lane that are not too late, in order.
SELECT job.job_id
FROM :"schema".scheduled_jobs AS job
WHERE
    -- include: of_lane_rank
    AND job.execution_time <= :NOW
    AND NOT (
        -- include: is_late_in_lane
    )
