-- Ranks of lanes that hold pending jobs, lane by lane within each queue, each found by one probe of the index
-- of lanes. `wanted` says whether the worker knows the task and it is not paused; `lanes` counts the lanes so
-- far, from the one on where the look before ended.
candidate_lanes (queue, job_name, lane, priority, is_served, wanted, lanes) AS (
    SELECT
        :after_queue::text COLLATE "C",
        :after_task::text COLLATE "C",
        :after_lane::text COLLATE "C",
        2147483647,
        (SELECT :queues::text[]) IS NULL OR :after_queue::text <> '',
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
    -- Behind what the next one is looked for. All that stands before the next queue that is served is passed
    -- by in one step, and so are all lanes of a task that is paused or not known here.
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN before.is_served THEN before.queue ELSE
                -- include: next_served
            END AS queue,
            CASE
                WHEN NOT before.is_served THEN ''
                WHEN before.wanted THEN before.job_name
                -- No name stands between one and the same with this character.
                ELSE before.job_name || pg_catalog.chr(1)
            END AS job_name,
            CASE WHEN before.is_served AND before.wanted THEN before.lane ELSE '' END AS lane,
            CASE WHEN before.is_served AND before.wanted THEN before.priority ELSE -2147483648 END AS priority
    ) AS behind
    CROSS JOIN LATERAL (
        SELECT job.queue, job.job_name COLLATE "C" AS job_name, job.lane, job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND (job.queue, job.job_name COLLATE "C", job.lane, job.priority)
                > (behind.queue, behind.job_name, behind.lane, behind.priority)
        ORDER BY job.queue, job.job_name COLLATE "C", job.lane, job.priority
        LIMIT 1
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
