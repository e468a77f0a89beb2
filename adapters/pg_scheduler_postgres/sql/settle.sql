-- Apply verdicts under their leases. What a verdict does to its row has been decided by the domain and comes
-- with it, with one target for each thing that may have happened to the row meanwhile. What ends in a status
-- that is not kept is deleted; if somebody waits for it, it is left to retention. A row that somebody's open
-- transaction holds (a cancellation that is not committed) is left as it is, and answered as held up: no
-- verdict on another job should wait for it.
WITH
-- Rows that their verdicts may change, locked.
held AS (
    SELECT
        job.job_id, job.job_name, job.queue, job.epoch, job.attempt_count, job.started_at, job.schedule_key,
        job.lane, job.awaited, job.superseded, job.counts_epoch, job.counts_lane,
        verdict.outcome, verdict.gives_back, verdict.unclaims, verdict.counts_retry, verdict.leaves_history,
        verdict.keeps_error, verdict.delay_seconds, verdict.error_message, verdict.traceback,
        verdict.result::jsonb AS result, verdict.error_group, verdict.error_type, verdict.error_frame,
        CASE
            WHEN job.superseded THEN verdict.target_if_superseded
            WHEN job.cancel_requested_at IS NOT NULL THEN verdict.target_if_cancelled
            ELSE verdict.target
        END AS target
    FROM :"schema".scheduled_jobs AS job
    JOIN ROWS FROM (
        unnest(
            :job_ids::text[], :epochs::bigint[], :targets::text[], :targets_if_cancelled::text[],
            :targets_if_superseded::text[], :outcomes::text[], :gives_back::boolean[],
            :unclaims::boolean[], :counts_retry::boolean[], :leaves_history::boolean[],
            :keeps_error::boolean[],
            :counts_unclaimed::boolean[], :delays::double precision[], :error_messages::text[],
            :tracebacks::text[], :results::text[], :error_groups::text[], :error_types::text[],
            :error_frames::text[]
        ),
        -- Tells the planner that there may be many. Of an array that it knows nothing of it expects ten
        -- elements, and would compare each of them with each row.
        pg_catalog.generate_series(1, (SELECT pg_catalog.cardinality(:job_ids::text[])))
    ) AS verdict (
        job_id, epoch, target, target_if_cancelled,
        target_if_superseded, outcome, gives_back, unclaims, counts_retry,
        leaves_history, keeps_error, counts_unclaimed,
        delay_seconds, error_message, traceback, result, error_group, error_type, error_frame, place
    )
        ON verdict.job_id = job.job_id AND verdict.epoch = job.epoch
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
        AND -- include: may_settle
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
-- Rows that they may change as well, but that another transaction holds.
held_up AS (
    SELECT job.job_id, job.epoch
    FROM :"schema".scheduled_jobs AS job
    JOIN ROWS FROM (
        unnest(:job_ids::text[], :epochs::bigint[], :counts_unclaimed::boolean[]),
        pg_catalog.generate_series(1, (SELECT pg_catalog.cardinality(:job_ids::text[])))
    ) AS verdict (job_id, epoch, counts_unclaimed, place)
        ON verdict.job_id = job.job_id AND verdict.epoch = job.epoch
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
        AND -- include: may_settle
        AND job.job_id NOT IN (SELECT held.job_id FROM held)
        -- Known before anything is read: mostly there is nothing to look for.
        AND (SELECT pg_catalog.count(*) FROM held) < pg_catalog.cardinality(:job_ids::text[])
),
-- What stays in the table. A superseded row becomes its new version, as if it had just been submitted.
settled AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = held.target,
        epoch = job.epoch + held.superseded::integer,
        execution_time = CASE
            WHEN held.delay_seconds IS NOT NULL AND NOT held.superseded AND held.target = 'pending'
            THEN :NOW + pg_catalog.make_interval(secs => held.delay_seconds)
            ELSE job.execution_time
        END,
        attempt_count = CASE
            WHEN held.superseded THEN 0
            ELSE job.attempt_count - held.gives_back::integer
        END,
        retry_count = CASE
            WHEN held.superseded THEN 0
            ELSE job.retry_count + (held.counts_retry AND held.target = 'pending')::integer
        END,
        crash_count = CASE WHEN held.superseded THEN 0 ELSE job.crash_count END,
        started_at = CASE
            WHEN held.superseded THEN NULL
            WHEN held.unclaims AND NOT EXISTS (
                SELECT 1
                FROM :"schema".scheduled_job_attempts AS earlier
                WHERE earlier.job_id = job.job_id
            ) THEN NULL
            ELSE job.started_at
        END,
        finished_at = CASE WHEN held.target <> 'pending' THEN :NOW END,
        worker_id = CASE WHEN held.target <> 'pending' THEN :worker_id::text END,
        lease_until = NULL,
        cancel_requested_at = CASE WHEN NOT held.superseded THEN job.cancel_requested_at END,
        progress_done = CASE WHEN NOT held.superseded THEN job.progress_done END,
        progress_total = CASE WHEN NOT held.superseded THEN job.progress_total END,
        superseded = false,
        error_message = CASE
            WHEN held.superseded THEN NULL
            WHEN held.keeps_error THEN coalesce(held.error_message, job.error_message)
            ELSE held.error_message
        END,
        result = CASE WHEN NOT held.superseded THEN held.result END,
        error_group = CASE WHEN held.target = 'failed' THEN held.error_group END,
        error_type = CASE WHEN held.target = 'failed' THEN held.error_type END,
        error_frame = CASE WHEN held.target = 'failed' THEN held.error_frame END
    FROM held
    WHERE job.job_id = held.job_id
        AND (held.awaited OR held.target <> ALL (ARRAY(SELECT pg_catalog.unnest(:not_kept::text[]))))
    RETURNING job.job_id, job.status, job.execution_time
),
-- What does not stay.
deleted AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    USING held
    WHERE job.job_id = held.job_id
        AND NOT held.awaited
        AND held.target = ANY (ARRAY(SELECT pg_catalog.unnest(:not_kept::text[])))
),
-- Its history goes with it.
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    USING held
    WHERE history.job_id = held.job_id
        AND NOT held.awaited
        AND held.target = ANY (ARRAY(SELECT pg_catalog.unnest(:not_kept::text[])))
),
-- The history of attempts that the row itself will not tell of.
recorded AS (
    INSERT INTO :"schema".scheduled_job_attempts AS history (
        -- include: attempt_columns
    )
    SELECT
        held.job_id, held.epoch, held.attempt_count, :worker_id::text, held.started_at,
        :NOW, held.outcome, held.error_message, held.traceback
    FROM held
    WHERE (held.leaves_history OR held.superseded)
        AND (held.awaited OR held.target <> ALL (ARRAY(SELECT pg_catalog.unnest(:not_kept::text[]))))
    -- include: record_again
)
SELECT
    held.job_id,
    held.epoch,
    true AS applied,
    -- In which status it has been deleted.
    CASE
        WHEN NOT held.awaited AND held.target = ANY (ARRAY(SELECT pg_catalog.unnest(:not_kept::text[])))
        THEN held.target
    END AS deleted,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'due')
        WHERE EXISTS (
            SELECT 1
            FROM settled
            WHERE settled.status = 'pending'
                AND settled.execution_time <= :WALL_CLOCK
                    + pg_catalog.make_interval(secs => :soon_seconds::double precision)
        )
    ) AS notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (
            SELECT 1
            FROM held AS run
            WHERE run.schedule_key IS NOT NULL AND run.target <> 'pending'
        )
    ) AS schedule_notified,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'lane')
        WHERE EXISTS (
            SELECT 1
            FROM held AS run
            -- An attempt of an earlier definition leaves a lane or queue that the row does not name any more.
            WHERE run.counts_epoch = run.epoch
                OR run.lane IS NOT NULL
                AND (
                    run.target = 'pending'
                    OR EXISTS (
                        SELECT 1
                        FROM :"schema".scheduled_jobs AS job
                        WHERE job.status = 'pending' AND job.job_name = run.job_name AND job.lane = run.lane
                    )
                )
        )
            OR EXISTS (
                SELECT 1
                FROM held AS run
                -- include: waits_for_queue_of
                WHERE run.lane IS NOT NULL
            )
    ) AS lane_notified,
    (
        SELECT pg_catalog.count(
            pg_catalog.pg_notify(:finished_channel::text, run.target || ' ' || run.job_id)
        )
        FROM held AS run
        WHERE run.awaited AND run.target <> 'pending'
    ) AS finished_notified
FROM held
UNION ALL
SELECT held_up.job_id, held_up.epoch, false, NULL, NULL, NULL, NULL, NULL
FROM held_up;
