-- Lease due jobs of limited tasks, as far as their limits allow, exactly, whoever else claims meanwhile.
-- How that can be one statement: what a lane may give is counted in the statement's snapshot, and each
-- claim from a lane then writes its transaction into the lane's row. Claims from one lane queue for that
-- row; who comes second finds another transaction there than its own snapshot shows, knows that its count
-- is old, takes nothing, and says that it should be asked again. Whatever else ends a run in the meantime
-- only makes the count too high. Paused and full lanes are passed by.
-- One statement looks at so many lanes at most, from a given one on; who asks goes on where it ended.
WITH RECURSIVE steps (job_name, lane, priority, wanted, lanes) AS (
    (
        SELECT
            job.job_name, job.lane, job.priority,
            job.job_name = ANY (:task_names::text[]) AND job.job_name <> ALL (ARRAY(
                SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits WHERE limits.paused
            )),
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
        following.job_name, following.lane, following.priority,
        following.job_name = ANY (:task_names::text[]) AND following.job_name <> ALL (ARRAY(
            SELECT limits.task_name FROM :"schema".scheduled_job_limits AS limits WHERE limits.paused
        )),
        steps.lanes + ((following.job_name, following.lane) <> (steps.job_name, steps.lane))::integer
    FROM steps
    CROSS JOIN LATERAL (
        (
            SELECT job.job_name, job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE steps.wanted
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND (job.job_name, job.lane, job.priority) > (steps.job_name, steps.lane, steps.priority)
            ORDER BY job.job_name, job.lane, job.priority
            LIMIT 1
        )
        UNION ALL
        (
            -- All lanes of a task that is paused or not known here are passed by in one step.
            SELECT job.job_name, job.lane, job.priority
            FROM :"schema".scheduled_jobs AS job
            WHERE NOT steps.wanted
                AND job.status = 'pending'
                AND job.lane IS NOT NULL
                AND job.job_name > steps.job_name
            ORDER BY job.job_name, job.lane, job.priority
            LIMIT 1
        )
    ) AS following
    WHERE steps.lanes <= :lanes_at_once::integer
),
ranks AS MATERIALIZED (
    SELECT steps.job_name, steps.lane, steps.priority
    FROM steps
    WHERE steps.wanted AND steps.lanes <= :lanes_at_once::integer
),
rates AS MATERIALIZED (
    SELECT
        known.job_name, known.lane, limits.concurrency, limits.rate,
        CASE WHEN limits.rate IS NOT NULL THEN
            greatest(1, limits.rate * :burst_seconds::double precision)
        END AS burst,
        -- What a bucket lacks: never more than all, even if the clock was set back.
        CASE WHEN limits.rate IS NOT NULL THEN
            least(
                greatest(
                    extract(EPOCH FROM state.refilled_at - coalesce(:now::timestamptz, now()))::double precision,
                    0
                ) * limits.rate,
                greatest(1, limits.rate * :burst_seconds::double precision)
            )
        END AS missing
    FROM (
        SELECT DISTINCT ranks.job_name, ranks.lane
        FROM ranks
    ) AS known
    LEFT JOIN :"schema".scheduled_job_limits AS limits ON limits.task_name = known.job_name COLLATE "C"
    LEFT JOIN :"schema".scheduled_job_lanes AS state
        ON state.task_name = known.job_name COLLATE "C" AND state.lane = known.lane
),
rooms AS MATERIALIZED (
    SELECT
        rates.job_name, rates.lane, rates.rate, rates.burst, rates.missing,
        greatest(
            least(
                :limit::integer,
                rates.concurrency - running.jobs,
                floor(rates.burst - rates.missing + 1e-4)
            ),
            0
        )::integer AS room,
        rates.concurrency - running.jobs AS spare
    FROM rates
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs
        FROM :"schema".scheduled_jobs AS job
        WHERE rates.concurrency IS NOT NULL
            AND job.status = 'running'
            AND job.lane IS NOT NULL
            AND job.job_name = rates.job_name
            AND job.lane = rates.lane
    ) AS running
),
due AS MATERIALIZED (
    SELECT
        of_rank.job_id, of_rank.late, of_rank.execution_time, ranks.priority, rooms.job_name, rooms.lane,
        rooms.room,
        row_number() OVER (
            PARTITION BY rooms.job_name, rooms.lane, of_rank.late
            ORDER BY ranks.priority, of_rank.execution_time, of_rank.job_id COLLATE "C"
        ) AS place
    FROM rooms
    JOIN ranks ON ranks.job_name = rooms.job_name AND ranks.lane = rooms.lane
    CROSS JOIN LATERAL (
        SELECT
            job.job_id, job.execution_time,
            job.misfire_grace_time IS NOT NULL
                AND job.started_at IS NULL
                AND job.retry_count = 0
                AND coalesce(:now::timestamptz, now())
                    > job.execution_time + make_interval(secs => greatest(job.misfire_grace_time, :start_tolerance::double precision)) AS late
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.job_name = ranks.job_name
            AND job.lane = ranks.lane
            AND job.priority = ranks.priority
            AND job.execution_time <= coalesce(:now::timestamptz, now())
        ORDER BY job.execution_time, job.job_id
        -- What is too late takes no room, but must not hide what is not: a few more, for each of many lanes;
        -- if all are too late, the next claim finds the others.
        LIMIT rooms.room + least(:limit::integer, 20)
    ) AS of_rank
    WHERE rooms.room > 0
),
outside (priority) AS (
    (
        SELECT job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending' AND job.lane IS NULL
        ORDER BY job.priority
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT job.priority
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending' AND job.lane IS NULL AND job.priority > outside.priority
        ORDER BY job.priority
        LIMIT 1
    )
    FROM outside
    WHERE outside.priority IS NOT NULL
),
-- Jobs outside lanes are only looked at: they take their places in the common order.
others AS (
    SELECT outside.priority, of_rank.execution_time, of_rank.job_id
    FROM outside
    CROSS JOIN LATERAL (
        SELECT job.execution_time, job.job_id
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NULL
            AND job.priority = outside.priority
            AND job.execution_time <= coalesce(:now::timestamptz, now())
            AND job.job_name = ANY (:task_names::text[])
        ORDER BY job.execution_time, job.job_id
        LIMIT :limit::integer
    ) AS of_rank
    WHERE EXISTS (SELECT 1 FROM due WHERE NOT due.late)
    LIMIT :limit::integer
),
chosen AS MATERIALIZED (
    SELECT first.job_name, first.lane, count(*)::integer AS wanted
    FROM (
        SELECT candidate.job_name, candidate.lane
        FROM (
            SELECT due.job_name, due.lane, due.priority, due.execution_time, due.job_id
            FROM due
            WHERE NOT due.late AND due.place <= due.room
            UNION ALL
            SELECT NULL, NULL, others.priority, others.execution_time, others.job_id
            FROM others
        ) AS candidate
        ORDER BY candidate.priority, candidate.execution_time, candidate.job_id COLLATE "C"
        LIMIT :limit::integer
    ) AS first
    WHERE first.lane IS NOT NULL
    GROUP BY first.job_name, first.lane
),
granted AS (
    INSERT INTO :"schema".scheduled_job_lanes AS state (
        task_name, lane, claimed_in, claimed_at, refilled_at, granted
    )
    SELECT
        chosen.job_name, chosen.lane, pg_current_xact_id(), coalesce(:now::timestamptz, now()),
        coalesce(:now::timestamptz, now())
            + make_interval(secs => (rooms.missing + chosen.wanted) / rooms.rate),
        chosen.wanted
    FROM chosen
    JOIN rooms ON rooms.job_name = chosen.job_name AND rooms.lane = chosen.lane
    ORDER BY chosen.job_name COLLATE "C", chosen.lane COLLATE "C"
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
picked AS MATERIALIZED (
    SELECT job.job_id
    FROM granted
    JOIN due ON due.job_name = granted.task_name AND due.lane = granted.lane
    JOIN :"schema".scheduled_jobs AS job ON job.job_id = due.job_id
    WHERE NOT due.late
        AND due.place <= due.room
        AND due.place <= granted.granted
        AND job.status = 'pending'
        -- It may have been replaced by a job of another lane since.
        AND job.job_name = due.job_name
        AND job.lane = due.lane
        AND job.execution_time <= coalesce(:now::timestamptz, now())
    FOR UPDATE OF job SKIP LOCKED
),
taken AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = 'running',
        epoch = job.epoch + 1,
        worker_id = :worker_id::text,
        started_at = coalesce(:now::timestamptz, now()),
        last_heartbeat = coalesce(:now::timestamptz, now()),
        lease_until = coalesce(:now::timestamptz, now())
            + make_interval(secs => :lease_seconds::double precision),
        attempt_count = job.attempt_count + 1
    WHERE job.job_id = ANY (ARRAY(SELECT picked.job_id FROM picked))
    RETURNING
        job.job_id, job.job_name, job.task_data::text AS task_data, job.execution_time, job.priority,
        job.epoch, job.attempt_count, job.retry_count, job.max_retries, job.timeout_seconds,
        job.backoff::text AS backoff, job.store_result, job.schedule_key, job.exclusive_key, job.exclusive_wait,
        job.schedule_window, job.payload, job.headers::text AS headers, job.lane, job.created_at
),
too_late AS MATERIALIZED (
    SELECT job.job_id
    FROM due
    JOIN :"schema".scheduled_jobs AS job ON job.job_id = due.job_id
    WHERE due.late AND job.status = 'pending' AND job.started_at IS NULL
    ORDER BY job.job_id COLLATE "C"
    LIMIT :limit::integer
    FOR UPDATE OF job SKIP LOCKED
),
expired AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = :expired_status::text,
        finished_at = coalesce(:now::timestamptz, now()),
        error_message = :expired_message::text
    WHERE job.job_id = ANY (ARRAY(SELECT too_late.job_id FROM too_late))
    RETURNING job.job_id, job.awaited
),
soonest AS (
    -- The next job to become due in a lane that has room for it.
    SELECT min(extract(EPOCH FROM first.execution_time - coalesce(:now::timestamptz, now()))) AS wait_seconds
    FROM rooms
    JOIN ranks ON ranks.job_name = rooms.job_name AND ranks.lane = rooms.lane
    LEFT JOIN chosen ON chosen.job_name = rooms.job_name AND chosen.lane = rooms.lane
    CROSS JOIN LATERAL (
        SELECT job.execution_time
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'pending'
            AND job.lane IS NOT NULL
            AND job.job_name = ranks.job_name
            AND job.lane = ranks.lane
            AND job.priority = ranks.priority
            AND job.execution_time > coalesce(:now::timestamptz, now())
            AND job.execution_time < 'infinity'
        ORDER BY job.execution_time
        LIMIT 1
    ) AS first
    WHERE coalesce(rooms.spare > coalesce(chosen.wanted, 0), true)
    UNION ALL
    -- The next start that a rate allows, where a job is waiting for it.
    SELECT min(
        greatest((1 - (rooms.burst - rooms.missing - coalesce(chosen.wanted, 0))) / rooms.rate, 0)
    )
    FROM rooms
    LEFT JOIN chosen ON chosen.job_name = rooms.job_name AND chosen.lane = rooms.lane
    LEFT JOIN (
        SELECT due.job_name, due.lane, count(*) AS jobs
        FROM due
        WHERE due.late
        GROUP BY due.job_name, due.lane
    ) AS expiring ON expiring.job_name = rooms.job_name AND expiring.lane = rooms.lane
    WHERE rooms.rate IS NOT NULL
        AND coalesce(rooms.spare > coalesce(chosen.wanted, 0), true)
        AND EXISTS (
            SELECT 1
            FROM ranks
            CROSS JOIN LATERAL (
                SELECT 1
                FROM :"schema".scheduled_jobs AS job
                WHERE job.status = 'pending'
                    AND job.lane IS NOT NULL
                    AND job.job_name = ranks.job_name
                    AND job.lane = ranks.lane
                    AND job.priority = ranks.priority
                    AND job.execution_time <= coalesce(:now::timestamptz, now())
                LIMIT coalesce(chosen.wanted, 0) + coalesce(expiring.jobs, 0) + 1
            ) AS waiting
            WHERE ranks.job_name = rooms.job_name AND ranks.lane = rooms.lane
            OFFSET coalesce(chosen.wanted, 0) + coalesce(expiring.jobs, 0)
        )
)
SELECT
    taken.*,
    (
        SELECT count(pg_notify(:finished_channel::text, :expired_status::text || ' ' || ended.job_id))
        FROM expired AS ended
        WHERE ended.awaited
    ) AS finished_notified,
    (SELECT array_agg(expired.job_id ORDER BY expired.job_id) FROM expired) AS expired_ids,
    (
        (SELECT count(*) FROM granted) < (SELECT count(*) FROM chosen)
        OR (SELECT count(*) FROM taken) >= :limit::integer
        OR (SELECT count(*) FROM expired) > 0
        OR (SELECT count(*) FROM due WHERE NOT due.late AND due.place <= due.room)
            > (SELECT count(*) FROM taken)
    ) AS more,
    (SELECT min(soonest.wait_seconds) FROM soonest)::double precision AS wait_seconds,
    ended.job_name AS ended_task,
    ended.lane AS ended_lane
FROM (SELECT 1) AS always
LEFT JOIN taken ON true
LEFT JOIN (
    -- Where the look ended; nowhere if there are no more lanes.
    SELECT steps.job_name, steps.lane
    FROM steps
    WHERE steps.lanes = :lanes_at_once::integer
        AND EXISTS (SELECT 1 FROM steps AS beyond WHERE beyond.lanes > :lanes_at_once::integer)
    LIMIT 1
) AS ended ON true;
