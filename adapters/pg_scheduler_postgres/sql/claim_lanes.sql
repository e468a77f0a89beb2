-- Lease due jobs of limited tasks, as far as their limits allow, exactly, whoever else claims meanwhile.
-- How that can be one statement: what a lane may give is counted in the statement's snapshot, and each
-- claim from a lane then writes its transaction into the lane's row. Claims from one lane queue for that
-- row; who comes second finds another transaction there than its own snapshot shows, knows that its count
-- is old, takes nothing, and says that it should be asked again. Whatever else ends a run in the meantime
-- only makes the count too high. Paused and full lanes are passed by. Jobs are locked before they count: one
-- that somebody's transaction holds takes no place and costs no token.
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
        pg_catalog.row_number() OVER (
            PARTITION BY lane_capacity.job_name, lane_capacity.lane, of_rank.is_late
            -- include: claim_order
        ) AS place
    FROM lane_capacity
    JOIN lane_ranks USING (job_name, lane)
    CROSS JOIN LATERAL (
        SELECT
            job.job_id, job.execution_time,
            -- include: is_late_in_lane AS is_late
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
    SELECT first.job_name, first.lane, pg_catalog.count(*)::integer AS jobs
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
-- Lanes that give nothing, but whose row is to tell of this look: jobs wait in them and they are full, or
-- their rate was counted at a time that is still to come (the clock was set back). See `domain/limits.py`.
noted AS MATERIALIZED (
    SELECT lane_capacity.job_name, lane_capacity.lane, lane_capacity.claimed_at
    FROM lane_capacity
    WHERE lane_capacity.claimed_at > :NOW + pg_catalog.make_interval(secs => :set_back::double precision)
        OR (
            lane_capacity.slots <= 0
            AND (
                lane_capacity.full_at IS NULL
                OR lane_capacity.full_at > :NOW
                OR lane_capacity.full_at <= :NOW - pg_catalog.make_interval(
                    secs => :note_again::double precision
                )
            )
            AND EXISTS (
                SELECT 1
                FROM lane_ranks
                JOIN :"schema".scheduled_jobs AS job USING (job_name, lane, priority)
                WHERE lane_ranks.job_name = lane_capacity.job_name
                    AND lane_ranks.lane = lane_capacity.lane
                    AND job.status = 'pending'
                    AND job.lane IS NOT NULL
                    AND job.execution_time <= :NOW
            )
        )
),
-- The rows of these lanes, locked, as far as they still are as the snapshot has them. Who waits here for a
-- claim that is rolled back finds the jobs free again that it had locked.
open_lanes AS MATERIALIZED (
    SELECT state.task_name, state.lane
    FROM (
        SELECT selection.job_name, selection.lane FROM selection
        UNION
        SELECT noted.job_name, noted.lane FROM noted
    ) AS wanted
    JOIN lane_capacity USING (job_name, lane)
    JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = wanted.job_name COLLATE "C" AND state.lane = wanted.lane
    WHERE state.claimed_in = lane_capacity.claimed_in
    ORDER BY state.task_name COLLATE "C", state.lane COLLATE "C"
    FOR UPDATE OF state
),
-- Lanes that may give jobs: those, and the ones that have no row yet.
granting AS MATERIALIZED (
    SELECT selection.job_name, selection.lane, selection.jobs
    FROM selection
    JOIN lane_capacity USING (job_name, lane)
    WHERE lane_capacity.claimed_in IS NULL
        OR (selection.job_name, selection.lane) IN (
            SELECT open_lanes.task_name, open_lanes.lane FROM open_lanes
        )
),
-- The first jobs of these lanes, locked. In place of one that somebody else holds comes the next.
locked AS MATERIALIZED (
    SELECT first.job_id, lane_capacity.job_name, lane_capacity.lane
    FROM granting
    JOIN lane_capacity USING (job_name, lane)
    CROSS JOIN LATERAL (
        SELECT of_rank.job_id
        FROM (
            SELECT lane_ranks.priority
            FROM lane_ranks
            WHERE lane_ranks.job_name = granting.job_name AND lane_ranks.lane = granting.lane
            ORDER BY lane_ranks.priority
        ) AS rank
        CROSS JOIN LATERAL (
            SELECT job.job_id
            FROM :"schema".scheduled_jobs AS job
            WHERE job.status = 'pending'
                AND job.lane IS NOT NULL
                AND job.job_name = granting.job_name
                AND job.lane = granting.lane
                AND job.priority = rank.priority
                AND job.execution_time <= :NOW
                AND NOT (
                    -- include: is_late_in_lane
                )
            -- include: claim_order
            LIMIT granting.jobs
            FOR UPDATE SKIP LOCKED
        ) AS of_rank
        LIMIT granting.jobs
    ) AS first
),
-- How many each lane gives, and how many it would have had room for.
taken AS MATERIALIZED (
    SELECT
        granting.job_name, granting.lane,
        pg_catalog.count(locked.job_id)::integer AS jobs,
        granting.jobs - pg_catalog.count(locked.job_id) AS passed_over
    FROM granting
    LEFT JOIN locked USING (job_name, lane)
    GROUP BY granting.job_name, granting.lane, granting.jobs
),
-- Lanes whose row still is as the snapshot has it (that of a new lane may have been made meanwhile), written:
-- what was counted for them is true.
written AS (
    INSERT INTO :"schema".scheduled_job_lanes AS state (
        task_name, lane, claimed_in, claimed_at, refilled_at, full_at, granted
    )
    SELECT
        lane_capacity.job_name, lane_capacity.lane, pg_catalog.pg_current_xact_id(),
        CASE WHEN news.is_kept THEN lane_capacity.claimed_at ELSE :NOW END,
        CASE
            WHEN lane_capacity.rate IS NULL THEN NULL
            WHEN news.is_kept OR (news.jobs = 0 AND lane_capacity.claimed_at IS NULL)
            THEN lane_capacity.refilled_at
            ELSE :NOW + pg_catalog.make_interval(
                -- A century at the most, whatever rate somebody has stored.
                secs => least(
                    (lane_capacity.missing + news.jobs::double precision) / lane_capacity.rate, 3155760000
                )
            )
        END,
        CASE
            WHEN lane_capacity.slots <= news.jobs THEN :NOW
            ELSE lane_capacity.full_at
        END,
        news.jobs
    FROM (
        SELECT taken.job_name, taken.lane, taken.jobs, false AS is_kept
        FROM taken
        WHERE taken.jobs > 0
        UNION ALL
        SELECT
            noted.job_name, noted.lane, 0,
            coalesce(
                noted.claimed_at <= :NOW + pg_catalog.make_interval(
                    secs => :set_back::double precision
                ), false
            )
        FROM noted
        WHERE (noted.job_name, noted.lane) NOT IN (
            SELECT taken.job_name, taken.lane FROM taken WHERE taken.jobs > 0
        )
    ) AS news
    JOIN lane_capacity USING (job_name, lane)
    ORDER BY lane_capacity.job_name COLLATE "C", lane_capacity.lane COLLATE "C"
    ON CONFLICT (task_name, lane) DO UPDATE SET
        claimed_in = CASE WHEN EXCLUDED.granted > 0 THEN EXCLUDED.claimed_in ELSE state.claimed_in END,
        claimed_at = EXCLUDED.claimed_at,
        refilled_at = EXCLUDED.refilled_at,
        full_at = EXCLUDED.full_at,
        granted = EXCLUDED.granted
    -- The row as the snapshot has it: none if another claim has made it since.
    WHERE state.claimed_in = (
        SELECT seen.claimed_in
        FROM :"schema".scheduled_job_lanes AS seen
        WHERE seen.task_name = state.task_name AND seen.lane = state.lane
    )
    RETURNING state.task_name, state.lane, state.granted
),
-- Lanes that give jobs.
reserved AS (
    SELECT written.task_name, written.lane FROM written WHERE written.granted > 0
),
-- Jobs that start.
started AS (
    UPDATE :"schema".scheduled_jobs AS job
    -- include: lease_to_worker
    WHERE job.job_id = ANY (
        ARRAY(
            SELECT locked.job_id
            FROM locked
            JOIN reserved ON reserved.task_name = locked.job_name AND reserved.lane = locked.lane
        )
    )
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
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, :expired_status::text || ' ' || misfired.job_id)
        )
        FROM misfired
        WHERE misfired.awaited
    ) AS finished_notified,
    (SELECT pg_catalog.array_agg(misfired.job_id ORDER BY misfired.job_id) FROM misfired) AS expired_ids,
    (
        (SELECT pg_catalog.count(*) FROM granting) < (SELECT pg_catalog.count(*) FROM selection)
        OR (SELECT pg_catalog.count(*) FROM reserved)
            < (SELECT pg_catalog.count(*) FROM taken WHERE taken.jobs > 0)
        OR (SELECT pg_catalog.count(*) FROM started) >= :limit::integer
        OR (SELECT pg_catalog.count(*) FROM misfired) > 0
        OR outranked.jobs > 0
    ) AS more,
    outranked.jobs > 0 AS outranked,
    coalesce((SELECT pg_catalog.sum(taken.passed_over) FROM taken), 0) > 0 AS passed_over,
    (SELECT pg_catalog.min(next_opening.wait_seconds) FROM next_opening)::double precision AS wait_seconds,
    ended.job_name AS ended_task,
    ended.lane AS ended_lane
FROM (
    -- How many jobs that lanes had room for were left to those that come before them.
    SELECT
        (
            SELECT pg_catalog.count(*)
            FROM due_in_lanes
            WHERE NOT due_in_lanes.is_late AND due_in_lanes.place <= due_in_lanes.capacity
        ) - coalesce((SELECT pg_catalog.sum(selection.jobs) FROM selection), 0) AS jobs
) AS outranked
LEFT JOIN started ON true
LEFT JOIN (
    -- Where the look ended; nowhere if there are no more lanes.
    SELECT candidate_lanes.job_name, candidate_lanes.lane
    FROM candidate_lanes
    WHERE candidate_lanes.lanes = :lanes_at_once::integer
        AND EXISTS (SELECT 1 FROM candidate_lanes AS beyond WHERE beyond.lanes > :lanes_at_once::integer)
    LIMIT 1
) AS ended ON true;
