-- Lease due jobs of limited tasks and queues, as far as the limits allow, exactly, whoever claims meanwhile.
-- A job passes two gates, its lane's and its queue's, and each gate has a row. How that can be one statement:
-- what a gate may let pass is counted in the statement's snapshot, and each claim then writes its transaction
-- into the gate's row. Claims queue for that row; who comes second finds another transaction there than its
-- own snapshot shows, knows that its count is old, takes nothing, and says that it should be asked again.
-- Whatever else ends a run in the meantime only makes the count too high. Paused and full lanes are passed
-- by. Jobs are locked before they count: one that somebody's transaction holds takes no place and costs no
-- token.
-- One statement looks at so many lanes at most, from a given one on; who asks goes on where it ended.
WITH RECURSIVE
-- include: candidate_lanes,
-- include: gates,
-- Due jobs that a lane and a queue have room for, with the place of each in its lane's order; those that are
-- too late for their first start apart from the others.
due_in_lanes AS MATERIALIZED (
    SELECT
        lane_ranks.queue, lane_ranks.job_name, lane_ranks.lane, lane_ranks.priority, lane_ranks.capacity,
        lane_ranks.queue_capacity, lane_ranks.in_limited_queue,
        of_rank.job_id, of_rank.is_late, of_rank.execution_time,
        pg_catalog.row_number() OVER (
            PARTITION BY lane_ranks.job_name, lane_ranks.lane, of_rank.is_late
            -- include: claim_order
        ) AS place
    FROM ranks AS lane_ranks
    CROSS JOIN LATERAL (
        SELECT
            job.job_id, job.execution_time,
            -- include: is_late_in_lane AS is_late
        FROM :"schema".scheduled_jobs AS job
        WHERE
            -- include: of_lane_rank
            AND job.execution_time <= :NOW
        -- include: claim_order
        -- What is too late takes no capacity, but must not hide what is not: a few more, the fewer the more
        -- lanes there are; if all are too late, the next claim finds the others.
        LIMIT least(lane_ranks.capacity, lane_ranks.queue_capacity)
            + least(:limit::integer, 1 + 20 / (SELECT pg_catalog.count(*) FROM ranks))
    ) AS of_rank
    WHERE least(lane_ranks.capacity, lane_ranks.queue_capacity) > 0
),
-- Those that may start: of each lane its first, and of these the first of each queue.
possible AS MATERIALIZED (
    SELECT due.*
    FROM (
        SELECT
            due_in_lanes.*,
            pg_catalog.row_number() OVER (
                PARTITION BY due_in_lanes.queue
                -- include: claim_order
            ) AS queue_place
        FROM due_in_lanes
        WHERE NOT due_in_lanes.is_late AND due_in_lanes.place <= due_in_lanes.capacity
    ) AS due
    WHERE due.queue_place <= due.queue_capacity
),
-- include: competing,
-- How many jobs each rank of a lane is to give, once all that are due have been put in the common order.
shares AS MATERIALIZED (
    SELECT
        first.queue, first.job_name, first.lane, first.priority, pg_catalog.count(*)::integer AS jobs
    FROM (
        SELECT candidate.queue, candidate.job_name, candidate.lane, candidate.priority
        FROM (
            SELECT
                possible.queue, possible.job_name, possible.lane, possible.priority,
                possible.execution_time, possible.job_id
            FROM possible
            UNION ALL
            SELECT NULL, NULL, NULL, urgent.priority, urgent.execution_time, urgent.job_id
            FROM urgent
        ) AS candidate
        -- include: claim_order
        LIMIT (SELECT :limit::integer)
    ) AS first
    WHERE first.lane IS NOT NULL
    GROUP BY first.queue, first.job_name, first.lane, first.priority
),
-- How many each gate is to let pass.
selection AS MATERIALIZED (
    SELECT passing.job_name, passing.lane, pg_catalog.sum(passing.jobs)::integer AS jobs
    FROM (
        SELECT shares.job_name, shares.lane, shares.jobs FROM shares
        UNION ALL
        SELECT '', shares.queue, shares.jobs FROM shares
    ) AS passing
    JOIN gates USING (job_name, lane)
    WHERE gates.is_written
    GROUP BY passing.job_name, passing.lane
),
-- Lanes that may step in where a transaction holds the jobs of another one of a limited queue, or those of
-- their own in another queue: a few, left to chance.
spare AS MATERIALIZED (
    SELECT due_in_lanes.queue, due_in_lanes.job_name, due_in_lanes.lane
    FROM due_in_lanes
    WHERE due_in_lanes.in_limited_queue
        AND NOT due_in_lanes.is_late
        AND (due_in_lanes.queue, due_in_lanes.job_name, due_in_lanes.lane) NOT IN (
            SELECT shares.queue, shares.job_name, shares.lane FROM shares
        )
        AND (
            due_in_lanes.queue IN (SELECT shares.queue FROM shares)
            OR (due_in_lanes.job_name, due_in_lanes.lane) IN (
                SELECT shares.job_name, shares.lane FROM shares
            )
        )
    GROUP BY due_in_lanes.queue, due_in_lanes.job_name, due_in_lanes.lane
    ORDER BY pg_catalog.random()
    LIMIT 5
),
-- Gates that let nothing pass, but whose row is to tell of this look: jobs wait before them and they are
-- full, or their rate was counted at a time that is still to come (the clock was set back). See
-- `domain/limits.py`.
noted AS MATERIALIZED (
    SELECT gates.job_name, gates.lane, gates.claimed_at
    FROM gates
    WHERE gates.claimed_at > :NOW + pg_catalog.make_interval(secs => :set_back::double precision)
        OR (
            gates.slots <= 0
            AND (
                gates.full_at IS NULL
                OR gates.full_at > :NOW
                OR gates.full_at <= :NOW - pg_catalog.make_interval(
                    secs => :note_again::double precision
                )
            )
            AND EXISTS (
                SELECT 1
                FROM lane_ranks
                CROSS JOIN LATERAL (
                    SELECT 1
                    FROM :"schema".scheduled_jobs AS job
                    WHERE
                        -- include: of_lane_rank
                        AND job.execution_time <= :NOW
                    LIMIT 1
                ) AS waiting
                WHERE (lane_ranks.job_name = gates.job_name AND lane_ranks.lane = gates.lane)
                    OR (gates.job_name = '' AND lane_ranks.queue = gates.lane)
            )
        )
),
-- The rows of these gates, locked, as far as they still are as the snapshot has them. Who waits here for a
-- claim that is rolled back finds the jobs free again that it had locked.
open_gates AS MATERIALIZED (
    SELECT state.task_name, state.lane
    FROM (
        SELECT selection.job_name, selection.lane FROM selection
        UNION
        SELECT noted.job_name, noted.lane FROM noted
        UNION
        SELECT spare.job_name, spare.lane FROM spare
        UNION
        SELECT '', spare.queue FROM spare
    ) AS wanted
    JOIN gates USING (job_name, lane)
    JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = wanted.job_name COLLATE "C" AND state.lane = wanted.lane
    WHERE state.claimed_in = gates.claimed_in
    ORDER BY state.task_name COLLATE "C", state.lane COLLATE "C"
    FOR UPDATE OF state
),
-- Gates that may let jobs pass: those, the ones that have no row yet, and queues without limits.
granting AS MATERIALIZED (
    SELECT gates.job_name, gates.lane
    FROM gates
    WHERE gates.claimed_in IS NULL
        OR NOT gates.is_written
        OR (gates.job_name, gates.lane) IN (SELECT open_gates.task_name, open_gates.lane FROM open_gates)
),
-- The ranks behind open gates, and how many jobs each is to give. No others: whoever claims from a new lane,
-- too, must not find the job that has just started held by this look.
giving AS MATERIALIZED (
    SELECT lane_ranks.*, coalesce(shares.jobs, 0) AS jobs
    FROM ranks AS lane_ranks
    LEFT JOIN shares USING (queue, job_name, lane, priority)
    WHERE (lane_ranks.job_name, lane_ranks.lane) IN (
            SELECT granting.job_name, granting.lane FROM granting
        )
        AND lane_ranks.queue IN (SELECT granting.lane FROM granting WHERE granting.job_name = '')
        AND (lane_ranks.job_name, lane_ranks.lane) IN (
            SELECT selection.job_name, selection.lane FROM selection
            UNION ALL
            SELECT spare.job_name, spare.lane FROM spare
        )
),
-- The first jobs of each, locked. In place of one that somebody else holds comes the next.
wanted AS MATERIALIZED (
    SELECT
        first.job_id, lane_ranks.queue, lane_ranks.job_name, lane_ranks.lane,
        lane_ranks.capacity, lane_ranks.queue_capacity, lane_ranks.in_limited_queue
    FROM giving AS lane_ranks
    CROSS JOIN LATERAL (
        -- include: due_of_lane_rank
        -- include: claim_order
        LIMIT lane_ranks.jobs
        FOR UPDATE SKIP LOCKED
    ) AS first
    WHERE lane_ranks.jobs > 0
),
-- What other ranks have, where some could not give what they were to: as many as their gates have room for
-- besides. Which of one rank comes first is left to chance: what a transaction holds for long must starve
-- neither its own lane nor another.
instead AS MATERIALIZED (
    SELECT
        first.job_id, lane_ranks.queue, lane_ranks.job_name, lane_ranks.lane,
        lane_ranks.capacity, lane_ranks.queue_capacity, lane_ranks.in_limited_queue
    FROM (
        SELECT giving.*, lacking.jobs AS lacking
        FROM (
            SELECT
                (SELECT pg_catalog.sum(giving.jobs) FROM giving)
                    - (SELECT pg_catalog.count(*) FROM wanted) AS jobs
        ) AS lacking
        JOIN giving ON lacking.jobs > 0
        ORDER BY giving.priority, pg_catalog.random()
    ) AS lane_ranks
    CROSS JOIN LATERAL (
        SELECT
            lane_ranks.capacity - pg_catalog.count(*) FILTER (
                WHERE wanted.job_name = lane_ranks.job_name AND wanted.lane = lane_ranks.lane
            ) AS of_lane,
            lane_ranks.queue_capacity - pg_catalog.count(*) FILTER (
                WHERE wanted.queue = lane_ranks.queue
            ) AS of_queue
        FROM wanted
    ) AS room
    CROSS JOIN LATERAL (
        -- include: due_of_lane_rank
            AND job.job_id <> ALL (ARRAY(SELECT wanted.job_id FROM wanted))
        -- include: claim_order
        LIMIT greatest(least(room.of_lane, room.of_queue, lane_ranks.lacking), 0)
        FOR UPDATE SKIP LOCKED
    ) AS first
    LIMIT greatest(
        (SELECT pg_catalog.sum(giving.jobs) FROM giving) - (SELECT pg_catalog.count(*) FROM wanted), 0
    )
),
-- All that are locked, but for those that together would be too many for one of their gates.
locked AS MATERIALIZED (
    SELECT fit.*
    FROM (
        SELECT
            either.*,
            pg_catalog.row_number() OVER (
                PARTITION BY either.job_name, either.lane ORDER BY either.is_instead
            ) AS place,
            pg_catalog.row_number() OVER (PARTITION BY either.queue ORDER BY either.is_instead) AS queue_place
        FROM (
            SELECT wanted.*, false AS is_instead FROM wanted
            UNION ALL
            SELECT instead.*, true FROM instead
        ) AS either
    ) AS fit
    WHERE fit.place <= fit.capacity AND fit.queue_place <= fit.queue_capacity
),
-- How many pass each gate.
taken AS MATERIALIZED (
    SELECT passing.job_name, passing.lane, pg_catalog.count(*)::integer AS jobs
    FROM (
        SELECT locked.job_name, locked.lane FROM locked
        UNION ALL
        SELECT '', locked.queue FROM locked
    ) AS passing
    GROUP BY passing.job_name, passing.lane
),
-- Gates whose row still is as the snapshot has it (that of a new lane may have been made meanwhile), written:
-- what was counted for them is true.
written AS (
    INSERT INTO :"schema".scheduled_job_lanes AS state (
        task_name, lane, claimed_in, claimed_at, refilled_at, full_at, granted
    )
    SELECT
        gates.job_name, gates.lane, pg_catalog.pg_current_xact_id(),
        CASE WHEN news.is_kept THEN gates.claimed_at ELSE :NOW END,
        CASE
            WHEN gates.rate IS NULL THEN NULL
            WHEN news.is_kept OR (news.jobs = 0 AND gates.claimed_at IS NULL)
            THEN gates.refilled_at
            ELSE :NOW + pg_catalog.make_interval(
                -- A century at the most, whatever rate somebody has stored.
                secs => least((gates.missing + news.jobs::double precision) / gates.rate, 3155760000)
            )
        END,
        CASE WHEN gates.slots <= news.jobs THEN :NOW ELSE gates.full_at END,
        news.jobs
    FROM (
        SELECT taken.job_name, taken.lane, taken.jobs, false AS is_kept
        FROM taken
        UNION ALL
        SELECT
            noted.job_name, noted.lane, 0,
            coalesce(
                noted.claimed_at <= :NOW + pg_catalog.make_interval(
                    secs => :set_back::double precision
                ), false
            )
        FROM noted
        WHERE (noted.job_name, noted.lane) NOT IN (SELECT taken.job_name, taken.lane FROM taken)
    ) AS news
    JOIN gates USING (job_name, lane)
    WHERE gates.is_written
    ORDER BY gates.job_name COLLATE "C", gates.lane COLLATE "C"
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
-- Gates that let jobs pass.
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
            WHERE NOT locked.in_limited_queue
                OR locked.queue IN (SELECT reserved.lane FROM reserved WHERE reserved.task_name = '')
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
-- include: next_opening,
-- Whether it is worth asking again at once, and whether jobs that lanes had room for were left to others that
-- come before them.
outcome AS MATERIALIZED (
    SELECT
        outranked.jobs > 0 AS outranked,
        EXISTS (
            SELECT 1
            FROM selection
            WHERE (selection.job_name, selection.lane) NOT IN (
                SELECT granting.job_name, granting.lane FROM granting
            )
        )
        OR (SELECT pg_catalog.count(*) FROM reserved) < (
            SELECT pg_catalog.count(*) FROM taken JOIN gates USING (job_name, lane) WHERE gates.is_written
        )
        OR (SELECT pg_catalog.count(*) FROM started) >= :limit::integer
        OR (SELECT pg_catalog.count(*) FROM misfired) > 0
        OR outranked.jobs > 0
        -- Where jobs had places in their lane, but none in their queue, those of other queues come next.
        OR (
            EXISTS (SELECT 1 FROM started)
            AND EXISTS (
                SELECT 1
                FROM due_in_lanes
                JOIN lane_ranks USING (job_name, lane)
                WHERE NOT due_in_lanes.is_late
                    AND due_in_lanes.place <= due_in_lanes.capacity
                    AND due_in_lanes.job_id NOT IN (SELECT possible.job_id FROM possible)
                    AND lane_ranks.queue <> due_in_lanes.queue
            )
        ) AS more
    FROM (
        SELECT
            (SELECT pg_catalog.count(*) FROM possible)
                - coalesce((SELECT pg_catalog.sum(shares.jobs) FROM shares), 0) AS jobs
    ) AS outranked
),
-- What is said once of all.
answer AS (
    SELECT
        (
            SELECT pg_catalog.count(
                pg_catalog.pg_notify(:finished_channel::text, :expired_status::text || ' ' || misfired.job_id)
            )
            FROM misfired
            WHERE misfired.awaited
        ) AS finished_notified,
        (SELECT pg_catalog.array_agg(misfired.job_id ORDER BY misfired.job_id) FROM misfired) AS expired_ids,
        outcome.more,
        outcome.outranked,
        :competing::boolean AND NOT EXISTS (SELECT 1 FROM urgent) AS unrivalled,
        coalesce((SELECT pg_catalog.sum(giving.jobs) FROM giving), 0)
            > (SELECT pg_catalog.count(*) FROM locked) AS passed_over,
        -- Nobody waits who is to ask again at once.
        CASE WHEN NOT outcome.more THEN (
            SELECT pg_catalog.min(next_opening.wait_seconds) FROM next_opening
        ) END::double precision AS wait_seconds,
        ended.queue AS ended_queue,
        ended.job_name AS ended_task,
        ended.lane AS ended_lane
    FROM outcome
    LEFT JOIN (
        -- Where the look ended; nowhere if there are no more lanes.
        SELECT candidate_lanes.queue, candidate_lanes.job_name, candidate_lanes.lane
        FROM candidate_lanes
        WHERE candidate_lanes.lanes = :lanes_at_once::integer
            AND EXISTS (SELECT 1 FROM candidate_lanes AS beyond WHERE beyond.lanes > :lanes_at_once::integer)
        LIMIT 1
    ) AS ended ON true
)
-- A row for each job, and one for the answer.
SELECT *
FROM started
FULL JOIN answer ON false;
