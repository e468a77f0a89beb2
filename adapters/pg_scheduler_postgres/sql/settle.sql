-- Apply verdicts under their leases. The fence: a row changes only if it still carries the epoch that
-- the verdict names and is run by its writer; a completion also counts if the lease was taken back but
-- nobody claimed the job since. A superseded row becomes pending with its new version; a job that was
-- asked to be cancelled does not go back to pending. What ends in a status that is not kept is deleted.
-- A row that somebody's open transaction holds (a cancellation that is not committed) is left as it is, and
-- said to be held up: no verdict on another job should wait for it.
WITH held AS (
    SELECT
        job.schedule_key, job.lane, job.awaited, job.job_id, job.epoch, job.attempt_count, job.started_at, job.execution_time, told.event,
        told.error_message, told.traceback, told.result::jsonb AS result,
        told.delay_seconds, job.superseded, job.retry_count, job.job_name,
        CASE
            WHEN job.superseded THEN 'pending'
            WHEN told.target = 'pending' AND job.cancel_requested_at IS NOT NULL THEN 'cancelled'
            ELSE told.target
        END AS target
    FROM :"schema".scheduled_jobs AS job
    JOIN unnest(
        :job_ids::text[], :epochs::bigint[], :events::text[], :targets::text[],
        :delays::double precision[], :error_messages::text[], :tracebacks::text[], :results::text[]
    ) AS told (job_id, epoch, event, target, delay_seconds, error_message, traceback, result)
        ON told.job_id = job.job_id AND told.epoch = job.epoch
    WHERE job.job_id = ANY (:job_ids::text[])
        AND (
            (job.status = 'running' AND job.worker_id = :worker_id::text)
            OR (job.status = 'pending' AND told.event = 'complete')
        )
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
held_up AS (
    SELECT job.job_id, job.epoch
    FROM :"schema".scheduled_jobs AS job
    JOIN unnest(:job_ids::text[], :epochs::bigint[], :events::text[]) AS told (job_id, epoch, event)
        ON told.job_id = job.job_id AND told.epoch = job.epoch
    WHERE job.job_id = ANY (:job_ids::text[])
        AND (
            (job.status = 'running' AND job.worker_id = :worker_id::text)
            OR (job.status = 'pending' AND told.event = 'complete')
        )
        AND job.job_id NOT IN (SELECT held.job_id FROM held)
        -- Known before anything is read: mostly there is nothing to look for.
        AND (SELECT count(*) FROM held) < cardinality(:job_ids::text[])
),
settled AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = held.target,
        epoch = job.epoch + held.superseded::integer,
        execution_time = CASE
            WHEN held.delay_seconds IS NOT NULL AND NOT held.superseded AND held.target = 'pending'
            THEN coalesce(:now::timestamptz, now()) + make_interval(secs => held.delay_seconds)
            ELSE job.execution_time
        END,
        attempt_count = CASE
            WHEN held.superseded THEN 0
            WHEN held.event IN ('snooze', 'release') THEN job.attempt_count - 1
            ELSE job.attempt_count
        END,
        retry_count = CASE
            WHEN held.superseded THEN 0
            WHEN held.event = 'retry' AND held.target = 'pending' THEN job.retry_count + 1
            ELSE job.retry_count
        END,
        crash_count = CASE WHEN held.superseded THEN 0 ELSE job.crash_count END,
        started_at = CASE WHEN held.superseded THEN NULL ELSE job.started_at END,
        finished_at = CASE WHEN held.target <> 'pending' THEN coalesce(:now::timestamptz, now()) END,
        worker_id = CASE WHEN held.target <> 'pending' THEN :worker_id::text END,
        lease_until = NULL,
        cancel_requested_at = CASE WHEN NOT held.superseded THEN job.cancel_requested_at END,
        progress_done = CASE WHEN NOT held.superseded THEN job.progress_done END,
        progress_total = CASE WHEN NOT held.superseded THEN job.progress_total END,
        superseded = false,
        error_message = CASE
            WHEN held.superseded THEN NULL
            WHEN held.event = 'complete' THEN held.error_message
            ELSE coalesce(held.error_message, job.error_message)
        END,
        result = CASE WHEN NOT held.superseded THEN held.result END
    FROM held
    WHERE job.job_id = held.job_id AND held.target <> ALL (:not_kept::text[])
    RETURNING job.job_id, job.status, job.execution_time
),
deleted AS (
    DELETE FROM :"schema".scheduled_jobs AS job
    USING held
    WHERE job.job_id = held.job_id AND held.target = ANY (:not_kept::text[])
),
forgotten AS (
    DELETE FROM :"schema".scheduled_job_attempts AS history
    USING held
    WHERE history.job_id = held.job_id AND held.target = ANY (:not_kept::text[])
),
recorded AS (
    INSERT INTO :"schema".scheduled_job_attempts AS history (
        job_id, epoch, attempt, worker_id, started_at, finished_at, outcome, error_message, traceback
    )
    SELECT
        held.job_id, held.epoch, held.attempt_count, :worker_id::text, held.started_at,
        coalesce(:now::timestamptz, now()),
        CASE held.event
            WHEN 'complete' THEN 'completed'
            WHEN 'retry' THEN 'retry'
            WHEN 'fail' THEN 'failed'
            WHEN 'snooze' THEN 'snoozed'
            WHEN 'release' THEN 'released'
            ELSE 'cancelled'
        END,
        held.error_message, held.traceback
    FROM held
    WHERE (held.event <> 'complete' OR held.superseded) AND held.target <> ALL (:not_kept::text[])
    ON CONFLICT (job_id, epoch) DO UPDATE SET
        attempt = EXCLUDED.attempt,
        worker_id = EXCLUDED.worker_id,
        started_at = EXCLUDED.started_at,
        finished_at = EXCLUDED.finished_at,
        outcome = EXCLUDED.outcome,
        error_message = EXCLUDED.error_message,
        traceback = EXCLUDED.traceback
)
SELECT
    held.job_id,
    held.epoch,
    true AS applied,
    (
        SELECT pg_notify(:channel::text, 'due')
        WHERE EXISTS (
            SELECT 1
            FROM settled
            WHERE settled.status = 'pending'
                AND settled.execution_time <= coalesce(:now::timestamptz, clock_timestamp())
                    + make_interval(secs => :soon_seconds::double precision)
        )
    ) AS notified,
    (
        SELECT pg_notify(:channel::text, 'schedule')
        WHERE EXISTS (SELECT 1 FROM held AS run WHERE run.schedule_key IS NOT NULL AND run.target <> 'pending')
    ) AS schedule_notified,
    (
        SELECT pg_notify(:channel::text, 'lane')
        WHERE EXISTS (
            SELECT 1
            FROM held AS run
            WHERE run.lane IS NOT NULL
                AND (
                    run.target = 'pending'
                    OR EXISTS (
                        SELECT 1
                        FROM :"schema".scheduled_jobs AS job
                        WHERE job.status = 'pending' AND job.job_name = run.job_name AND job.lane = run.lane
                    )
                )
        )
    ) AS lane_notified,
    (
        SELECT count(pg_notify(:finished_channel::text, run.target || ' ' || run.job_id))
        FROM held AS run
        WHERE run.awaited AND run.target <> 'pending'
    ) AS finished_notified
FROM held
UNION ALL
SELECT held_up.job_id, held_up.epoch, false, NULL, NULL, NULL, NULL
FROM held_up;
