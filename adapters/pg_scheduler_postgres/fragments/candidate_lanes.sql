-- Ranks of lanes that hold pending jobs, lane by lane within each queue, each found by one probe of the index
-- of lanes. `wanted` says whether the worker knows the task and it is not paused; `lanes` counts the lanes so
-- far, from the one on where the look before ended.
candidate_lanes (queue, job_name, lane, priority, is_served, wanted, lanes) AS (
    SELECT
        :after_queue::text COLLATE "C",
        :after_task::text COLLATE "C",
        :after_lane::text COLLATE "C",
        2147483647,
        :queues::text[] IS NULL OR :after_queue::text <> '',
        true,
        0
    UNION ALL
    SELECT
        job.queue, job.job_name, job.lane, job.priority,
        -- include: is_served,
        -- include: is_wanted,
        before.lanes
            + ((job.queue, job.job_name, job.lane) <> (before.queue, before.job_name, before.lane))::integer
    FROM candidate_lanes AS before
    CROSS JOIN LATERAL (
        (
            SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE (before.wanted OR NOT before.is_served)
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND (job.queue, job.job_name COLLATE "C", job.lane, job.priority) > (
                    -- All that stands before the next queue that is served is passed by in one step.
                    CASE WHEN before.is_served THEN before.queue ELSE (
                        -- include: next_served
                    ) END,
                    CASE WHEN before.is_served THEN before.job_name ELSE '' END,
                    CASE WHEN before.is_served THEN before.lane ELSE '' END,
                    CASE WHEN before.is_served THEN before.priority ELSE -2147483648 END
                )
            ORDER BY job.queue, job.job_name COLLATE "C", job.lane, job.priority
            LIMIT 1
        )
        UNION ALL
        (
            -- All lanes of a task that is paused or not known here are passed by in one step.
            SELECT job.queue, job.job_name COLLATE "C", job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE before.is_served AND NOT before.wanted
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND (job.queue, job.job_name COLLATE "C") > (before.queue, before.job_name)
            ORDER BY job.queue, job.job_name COLLATE "C", job.lane, job.priority
            LIMIT 1
        )
    ) AS job
    WHERE before.lanes <= :lanes_at_once::integer
),
-- The ranks of the lanes that this claim may take from.
lane_ranks AS MATERIALIZED (
    SELECT candidate_lanes.queue, candidate_lanes.job_name, candidate_lanes.lane, candidate_lanes.priority
    FROM candidate_lanes
    WHERE candidate_lanes.is_served
        AND candidate_lanes.wanted
        AND candidate_lanes.lanes BETWEEN 1 AND :lanes_at_once::integer
)
