-- Move the marks of schedules and store the jobs of the windows they pass: one statement, so there is no
-- moment between. The guards, for each by itself: nobody has moved it since the step was planned, the mark
-- only grows, the definition is the one planned for, it is active, and, where runs must not overlap, none is
-- unfinished. Rows are locked in the order of their keys, so that two who stage the same schedules cannot
-- deadlock; a row that somebody holds is passed over, so that nobody's open transaction keeps the others from
-- their windows. Whether a run is unfinished is seen as of the statement's beginning: a run that somebody
-- asks for at the same instant, or reopens, may run beside the window's, as manual runs do.
WITH
-- Schedules whose step still holds, locked.
held AS MATERIALIZED (
    SELECT
        schedule.schedule_key, step.mark, step.next_window, step.skipped, step.job_count, step.last_job_id
    FROM :"schema".scheduled_job_schedules AS schedule
    JOIN unnest(
        :schedule_keys::text[], :spec_hashes::text[], :expected_windows::timestamptz[], :marks::timestamptz[],
        :next_windows::timestamptz[], :skipped::bigint[], :unless_busy::boolean[], :job_counts::integer[],
        :last_job_ids::text[]
    ) AS step (
        schedule_key, spec_hash, expected_window, mark, next_window, skipped, unless_busy, job_count,
        last_job_id
    )
        ON step.schedule_key = schedule.schedule_key
    WHERE schedule.schedule_key = ANY (ARRAY(SELECT pg_catalog.unnest(:schedule_keys::text[])))
        AND schedule.spec_hash = step.spec_hash
        AND NOT schedule.paused
        AND NOT schedule.retired
        AND schedule.next_window IS NOT DISTINCT FROM step.expected_window
        AND (step.mark IS NULL OR schedule.mark IS NULL OR schedule.mark < step.mark)
        AND NOT (
            step.unless_busy
            AND -- include: is_busy
        )
    ORDER BY schedule.schedule_key COLLATE "C"
    FOR NO KEY UPDATE OF schedule SKIP LOCKED
),
-- They move on.
moved AS (
    UPDATE :"schema".scheduled_job_schedules AS schedule
    SET mark = coalesce(held.mark, schedule.mark),
        next_window = held.next_window,
        run_count = schedule.run_count + held.job_count,
        skipped_count = schedule.skipped_count + held.skipped,
        last_job_id = coalesce(held.last_job_id, schedule.last_job_id)
    FROM held
    WHERE schedule.schedule_key = held.schedule_key
    RETURNING
        schedule.schedule_key, schedule.task_name, schedule.task_data, schedule.priority,
        schedule.max_retries, schedule.misfire_grace_time, schedule.timeout_seconds, schedule.backoff,
        schedule.exclusive, schedule.contention, schedule.lock_name,
        schedule.queue
),
-- The jobs of the windows that they pass.
stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        job_id, job_name, execution_time, task_data, created_at, priority, max_retries,
        misfire_grace_time, timeout_seconds, backoff, schedule_key, schedule_window, exclusive_key,
        exclusive_wait, queue
    )
    SELECT
        given.job_id, moved.task_name, given.execution_time, moved.task_data,
        :NOW, moved.priority, moved.max_retries, moved.misfire_grace_time,
        moved.timeout_seconds, moved.backoff, moved.schedule_key, given.schedule_window,
        CASE WHEN moved.exclusive THEN coalesce(moved.lock_name, moved.schedule_key) END,
        moved.contention = 'wait',
        moved.queue
    FROM moved
    JOIN unnest(
        :job_keys::text[], :job_ids::text[], :windows::timestamptz[], :execution_times::timestamptz[]
    ) AS given (schedule_key, job_id, schedule_window, execution_time)
        ON given.schedule_key = moved.schedule_key
    ON CONFLICT (job_id) DO NOTHING
    RETURNING job_id
)
SELECT
    moved.schedule_key,
    (
        SELECT pg_catalog.pg_notify(:channel::text, 'due')
        WHERE EXISTS (SELECT 1 FROM stored)
    ) AS notified
FROM moved;
