-- Take back jobs whose lease is over by the database's clock, and count the crash. What that does to a row
-- has been decided by the domain, with one target for each thing that may be true of the row. Rows that
-- another reclaimer or their owner is writing are left to them, and so are rows whose owner lives and says
-- that it could not renew them because they were held; so is everything while the server has only
-- just started, as nobody could renew while it was down, and if the question was under way for too long, as
-- others could not renew meanwhile.
-- How many crashes are too many is decided by whoever reclaims, not by the job's worker: that one is dead,
-- and storing its setting would cost every claim a column. So among workers with different settings the
-- strictest ends jobs of the others, as soon as it is the one that finds them.
WITH
-- Rows whose lease is over, locked.
lost AS (
    SELECT
        job.job_id, job.epoch, job.attempt_count, job.worker_id, job.started_at, job.superseded,
        CASE
            WHEN job.superseded THEN :target_if_superseded::text
            WHEN job.cancel_requested_at IS NOT NULL THEN :target_if_cancelled::text
            WHEN job.crash_count + 1 >= :fatal_crash::integer THEN :target_if_fatal::text
            ELSE :target::text
        END AS target,
        pg_catalog.format(
            :message_format::text,
            coalesce(job.worker_id, :unknown_worker::text), job.crash_count + 1, :max_crashes::integer
        ) AS reason
    FROM :"schema".scheduled_jobs AS job
    WHERE job.status = 'running'
        AND coalesce(:NOW <= :not_after::timestamptz, true)
        AND pg_catalog.clock_timestamp() > pg_catalog.pg_postmaster_start_time()
            + pg_catalog.make_interval(secs => :patience_seconds::double precision)
        AND coalesce(
            job.lease_until,
            coalesce(job.last_heartbeat, job.created_at)
                + pg_catalog.make_interval(secs => :heartbeat_threshold_seconds::double precision)
        ) < :NOW
        -- This server has taken over from another, which was there until then: an owner that lives gets as
        -- long as its lease would have lasted from there, and the same patience, to find its way here.
        AND NOT coalesce(
            :patience_seconds::double precision > 0::double precision
            AND job.last_heartbeat <= pg_catalog.pg_last_xact_replay_timestamp()
            AND pg_catalog.clock_timestamp() <= pg_catalog.pg_last_xact_replay_timestamp()
                + (job.lease_until - job.last_heartbeat)
                + pg_catalog.make_interval(secs => :patience_seconds::double precision),
            false
        )
        -- Its owner lives, and would have renewed it if somebody's open transaction had not held the row.
        AND NOT EXISTS (
            SELECT 1
            FROM :"schema".scheduled_job_workers AS owner
            WHERE owner.worker_id = job.worker_id
                AND owner.lease_until >= :NOW
                AND job.job_id = ANY (owner.held_up)
        )
    ORDER BY job.job_id
    LIMIT (SELECT :limit::integer)
    FOR UPDATE OF job SKIP LOCKED
),
-- They wait again, or end. A superseded row becomes its new version, as if it had just been submitted.
reclaimed AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = lost.target,
        epoch = job.epoch + lost.superseded::integer,
        crash_count = CASE WHEN lost.superseded THEN 0 ELSE job.crash_count + 1 END,
        attempt_count = CASE WHEN lost.superseded THEN 0 ELSE job.attempt_count END,
        retry_count = CASE WHEN lost.superseded THEN 0 ELSE job.retry_count END,
        started_at = CASE WHEN NOT lost.superseded THEN coalesce(job.started_at, job.created_at) END,
        finished_at = CASE WHEN lost.target <> 'pending' THEN :NOW END,
        worker_id = CASE WHEN lost.target <> 'pending' THEN job.worker_id END,
        lease_until = NULL,
        cancel_requested_at = CASE WHEN NOT lost.superseded THEN job.cancel_requested_at END,
        progress_done = CASE WHEN NOT lost.superseded THEN job.progress_done END,
        progress_total = CASE WHEN NOT lost.superseded THEN job.progress_total END,
        superseded = false,
        error_message = CASE WHEN NOT lost.superseded THEN lost.reason END,
        error_type = CASE WHEN lost.target = 'failed' THEN :lost_worker::text END,
        error_frame = CASE WHEN lost.target = 'failed' THEN '' END,
        -- As `failures.group_of` makes it.
        error_group = CASE WHEN lost.target = 'failed' THEN pg_catalog.substr(pg_catalog.encode(
            pg_catalog.sha256(pg_catalog.convert_to(
                pg_catalog.concat_ws(pg_catalog.chr(10), job.job_name, :lost_worker::text, ''), 'UTF8'
            )),
            'hex'
        ), 1, 16) END
    FROM lost
    WHERE job.job_id = lost.job_id
    RETURNING job.job_id, lost.worker_id, job.status, job.crash_count, job.schedule_key, job.lane, job.awaited
),
-- Workers that have not been seen for long are forgotten.
departed AS (
    DELETE FROM :"schema".scheduled_job_workers AS worker
    WHERE worker.last_seen < :NOW
        - pg_catalog.make_interval(secs => :heartbeat_threshold_seconds::double precision)
),
-- Some lanes, from where the look before ended: nobody reads all of them at once.
passed AS MATERIALIZED (
    SELECT lane.task_name, lane.lane
    FROM :"schema".scheduled_job_lanes AS lane
    WHERE (lane.task_name, lane.lane) > (:after_task::text, :after_lane::text)
    ORDER BY lane.task_name, lane.lane
    LIMIT (SELECT :lanes_at_once::integer)
),
-- Those of them that nothing was claimed from for long go: much longer than any claim can still be under way.
unused AS (
    DELETE FROM :"schema".scheduled_job_lanes AS lane
    USING (
        SELECT old.task_name, old.lane
        FROM passed
        JOIN :"schema".scheduled_job_lanes AS old USING (task_name, lane)
        WHERE old.claimed_at < :NOW - interval '1 hour'
            AND (old.refilled_at IS NULL OR old.refilled_at < :NOW)
            AND (old.full_at IS NULL OR old.full_at < :NOW - interval '1 hour')
            -- The gate of a queue stays as long as the queue has limits.
            AND NOT EXISTS (
                SELECT 1
                FROM :"schema".scheduled_job_queues AS queues
                WHERE old.task_name = ''
                    AND queues.queue = old.lane
                    AND -- include: queue_has_limits
            )
        -- A claim that writes one of them just now may wait for another of them.
        FOR UPDATE OF old SKIP LOCKED
    ) AS old
    WHERE lane.task_name = old.task_name AND lane.lane = old.lane
),
-- The history of the attempts.
recorded AS (
    INSERT INTO :"schema".scheduled_job_attempts AS history (
        -- include: attempt_columns
    )
    SELECT
        lost.job_id, lost.epoch, lost.attempt_count, lost.worker_id, lost.started_at,
        :NOW, :outcome::text, lost.reason, NULL
    FROM lost
    -- include: record_again
)
SELECT
    reclaimed.job_id,
    reclaimed.worker_id,
    reclaimed.status,
    reclaimed.crash_count,
    :NOW AS looked_at,
    (
        SELECT extract(EPOCH FROM pg_catalog.min(job.lease_until) - :NOW)
        FROM :"schema".scheduled_jobs AS job
        WHERE job.status = 'running' AND job.lease_until >= :NOW
    )::double precision AS wait_seconds,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'due')
        WHERE EXISTS (SELECT 1 FROM reclaimed WHERE reclaimed.status = 'pending')
    ) AS notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (
            SELECT 1 FROM reclaimed WHERE reclaimed.status <> 'pending' AND reclaimed.schedule_key IS NOT NULL
        )
    ) AS schedule_notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'lane')
        WHERE EXISTS (SELECT 1 FROM reclaimed WHERE reclaimed.lane IS NOT NULL)
    ) AS lane_notified,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, ended.status || ' ' || ended.job_id)
        )
        FROM reclaimed AS ended
        WHERE ended.awaited AND ended.status <> 'pending'
    ) AS finished_notified,
    ended.task_name AS ended_task,
    ended.lane AS ended_lane
FROM (SELECT 1) AS always
LEFT JOIN reclaimed ON true
LEFT JOIN (
    -- Where the look at lanes ended; nowhere if it reached the last.
    SELECT passed.task_name, passed.lane
    FROM passed
    ORDER BY passed.task_name, passed.lane
    OFFSET (SELECT :lanes_at_once::integer - 1)
) AS ended ON true
ORDER BY reclaimed.job_id;
