-- Ranks of lanes that hold pending jobs, lane by lane, each found by one probe of the index of lanes.
-- `wanted` says whether the worker knows the task and it is not paused; `lanes` counts the lanes so far.
candidate_lanes (job_name, lane, priority, wanted, lanes) AS (
    (
        SELECT
            job.job_name, job.lane, job.priority,
            -- include: is_wanted,
            1
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND (job.job_name, job.lane) > (:after_task::text, :after_lane::text)
        ORDER BY job.job_name, job.lane, job.priority
        LIMIT 1
    )
    UNION ALL
    SELECT
        job.job_name, job.lane, job.priority,
        -- include: is_wanted,
        before.lanes + ((job.job_name, job.lane) <> (before.job_name, before.lane))::integer
    FROM candidate_lanes AS before
    CROSS JOIN LATERAL (
        (
            SELECT job.job_name, job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE before.wanted
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND (job.job_name, job.lane, job.priority) > (before.job_name, before.lane, before.priority)
            ORDER BY job.job_name, job.lane, job.priority
            LIMIT 1
        )
        UNION ALL
        (
            -- All lanes of a task that is paused or not known here are passed by in one step.
            SELECT job.job_name, job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE NOT before.wanted
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND job.job_name > before.job_name
            ORDER BY job.job_name, job.lane, job.priority
            LIMIT 1
        )
    ) AS job
    WHERE before.lanes <= :lanes_at_once::integer
),
-- The ranks of the lanes that this claim may take from.
lane_ranks AS MATERIALIZED (
    SELECT candidate_lanes.job_name, candidate_lanes.lane, candidate_lanes.priority
    FROM candidate_lanes
    WHERE candidate_lanes.wanted AND candidate_lanes.lanes <= :lanes_at_once::integer
)
