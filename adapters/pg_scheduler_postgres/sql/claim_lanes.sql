-- Lease due jobs of limited tasks, as far as their limits allow, exactly, whoever else claims meanwhile.
-- How that can be one statement: what a lane may give is counted in the statement's snapshot, and each
-- claim from a lane then writes its transaction into the lane's row. Claims from one lane queue for that
-- row; who comes second finds another transaction there than its own snapshot shows, knows that its count
-- is old, takes nothing, and says that it should be asked again. Whatever else ends a run in the meantime
-- only makes the count too high. Paused and full lanes are passed by.
-- One statement looks at so many lanes at most, from a given one on; who asks goes on where it ended.
WITH RECURSIVE
-- include: candidate_lanes,
-- include: lane_capacity,
-- Due jobs of lanes that have capacity, with the place of each in its lane's order; those that are too late
-- for their first start apart from the others.
due_in_lanes AS MATERIALIZED (
    SELECT
        of_rank.job_id, of_rank.is_late, of_rank.execution_time, lane_ranks.priority,
        lane_capacity.job_name, lane_capacity.lane, lane_capacity.capacity,
        row_number() OVER (
            PARTITION BY lane_capacity.job_name, lane_capacity.lane, of_rank.is_late
            -- include: claim_order
        ) AS place
    FROM lane_capacity
    JOIN lane_ranks ON lane_ranks.job_name = lane_capacity.job_name AND lane_ranks.lane = lane_capacity.lane
    CROSS JOIN LATERAL (
        SELECT
            job.job_id, job.execution_time,
            -- include: is_late AS is_late
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.job_name = lane_ranks.job_name
            AND job.lane = lane_ranks.lane
            AND job.priority = lane_ranks.priority
            AND job.execution_time <= :NOW
        -- include: claim_order
        -- What is too late takes no capacity, but must not hide what is not: a few more, for each of many
        -- lanes; if all are too late, the next claim finds the others.
        LIMIT lane_capacity.capacity + least(:limit::integer, 20)
    ) AS of_rank
    WHERE lane_capacity.capacity > 0
),
-- include: competing,
-- How many jobs each lane is to give, once all that are due have been put in the common order.
selection AS MATERIALIZED (
    SELECT first.job_name, first.lane, count(*)::integer AS jobs
    FROM (
        SELECT candidate.job_name, candidate.lane
        FROM (
            SELECT
                due_in_lanes.job_name, due_in_lanes.lane, due_in_lanes.priority, due_in_lanes.execution_time,
                due_in_lanes.job_id
            FROM due_in_lanes
            WHERE NOT due_in_lanes.is_late AND due_in_lanes.place <= due_in_lanes.capacity
            UNION ALL
            SELECT NULL, NULL, competing.priority, competing.execution_time, competing.job_id
            FROM competing
        ) AS candidate
        -- include: claim_order
        LIMIT (SELECT :limit::integer)
    ) AS first
    WHERE first.lane IS NOT NULL
    GROUP BY first.job_name, first.lane
),
-- Lanes whose row still is as the snapshot has it, written: what was counted for them is true.
reserved AS (
    INSERT INTO :"schema".scheduled_job_lanes AS state (
        task_name, lane, claimed_in, claimed_at, refilled_at, granted
    )
    SELECT
        selection.job_name, selection.lane, pg_current_xact_id(), :NOW,
        :NOW + make_interval(secs => (lane_capacity.missing + selection.jobs) / lane_capacity.rate),
        selection.jobs
    FROM selection
    JOIN lane_capacity ON lane_capacity.job_name = selection.job_name AND lane_capacity.lane = selection.lane
    ORDER BY selection.job_name COLLATE "C", selection.lane COLLATE "C"
    ON CONFLICT (task_name, lane) DO UPDATE SET
        claimed_in = EXCLUDED.claimed_in,
        claimed_at = EXCLUDED.claimed_at,
        refilled_at = EXCLUDED.refilled_at,
        granted = EXCLUDED.granted
    -- The row as the snapshot has it: none if another claim has made it since.
    WHERE state.claimed_in = (
        SELECT seen.claimed_in
        FROM :"schema".scheduled_job_lanes AS seen
        WHERE seen.task_name = state.task_name AND seen.lane = state.lane
    )
    RETURNING state.task_name, state.lane, state.granted
),
-- The first jobs of these lanes, locked.
locked AS MATERIALIZED (
    SELECT job.job_id
    FROM reserved
    JOIN due_in_lanes ON due_in_lanes.job_name = reserved.task_name AND due_in_lanes.lane = reserved.lane
    JOIN :"schema".scheduled_jobs AS job ON job.job_id = due_in_lanes.job_id
    WHERE NOT due_in_lanes.is_late
        AND due_in_lanes.place <= due_in_lanes.capacity
        AND due_in_lanes.place <= reserved.granted
        AND job.status = 'pending'
        -- It may have been replaced by a job of another lane since.
        AND job.job_name = due_in_lanes.job_name
        AND job.lane = due_in_lanes.lane
        AND job.execution_time <= :NOW
    FOR UPDATE OF job SKIP LOCKED
),
-- Jobs that start.
started AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: lease_to_worker
    WHERE job.job_id = ANY (ARRAY(SELECT locked.job_id FROM locked))
    RETURNING
        -- include: claimed_columns
),
-- Jobs that are too late to start, locked.
late AS MATERIALIZED (
    SELECT job.job_id
    FROM due_in_lanes
    JOIN :"schema".scheduled_jobs AS job ON job.job_id = due_in_lanes.job_id
    WHERE due_in_lanes.is_late AND job.status = 'pending' AND job.started_at IS NULL
    ORDER BY job.job_id COLLATE "C"
    LIMIT (SELECT :limit::integer)
    FOR UPDATE OF job SKIP LOCKED
),
-- They end.
misfired AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: expire
    WHERE job.job_id = ANY (ARRAY(SELECT late.job_id FROM late))
    RETURNING job.job_id, job.awaited
),
-- include: next_opening
SELECT
    started.*,
    (
        SELECT count(pg_notify(:finished_channel::text, :expired_status::text || ' ' || misfired.job_id))
        FROM misfired
        WHERE misfired.awaited
    ) AS finished_notified,
    (SELECT array_agg(misfired.job_id ORDER BY misfired.job_id) FROM misfired) AS expired_ids,
    (
        (SELECT count(*) FROM reserved) < (SELECT count(*) FROM selection)
        OR (SELECT count(*) FROM started) >= :limit::integer
        OR (SELECT count(*) FROM misfired) > 0
        OR (SELECT count(*) FROM started) < (
            SELECT count(*)
            FROM due_in_lanes
            WHERE NOT due_in_lanes.is_late AND due_in_lanes.place <= due_in_lanes.capacity
        )
    ) AS more,
    (SELECT min(next_opening.wait_seconds) FROM next_opening)::double precision AS wait_seconds,
    ended.job_name AS ended_task,
    ended.lane AS ended_lane
FROM (SELECT 1) AS always
LEFT JOIN started ON true
LEFT JOIN (
    -- Where the look ended; nowhere if there are no more lanes.
    SELECT candidate_lanes.job_name, candidate_lanes.lane
    FROM candidate_lanes
    WHERE candidate_lanes.lanes = :lanes_at_once::integer
        AND EXISTS (SELECT 1 FROM candidate_lanes AS beyond WHERE beyond.lanes > :lanes_at_once::integer)
    LIMIT 1
) AS ended ON true;
