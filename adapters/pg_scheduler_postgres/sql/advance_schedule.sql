-- Move a schedule's mark and store the jobs of the windows it passes: one statement, so there is no moment
-- between. The guards: nobody has moved it since the step was planned, the mark only grows, the definition
-- is the one planned for, it is active, and, where runs must not overlap, none is unfinished.
WITH step AS (
    UPDATE :"schema".scheduled_job_schedules AS schedule
    SET mark = coalesce(:mark::timestamptz, schedule.mark),
        next_window = :next_window::timestamptz,
        run_count = schedule.run_count + cardinality(:job_ids::text[]),
        skipped_count = schedule.skipped_count + :skipped::bigint,
        last_job_id = coalesce((:job_ids::text[])[cardinality(:job_ids::text[])], schedule.last_job_id)
    WHERE schedule.schedule_key = :schedule_key::text
        AND schedule.spec_hash = :spec_hash::text
        AND NOT schedule.paused
        AND NOT schedule.retired
        AND schedule.next_window IS NOT DISTINCT FROM :expected_next::timestamptz
        AND (:mark::timestamptz IS NULL OR schedule.mark IS NULL OR schedule.mark < :mark::timestamptz)
        AND NOT (
            :unless_busy::boolean
            AND EXISTS (
                SELECT 1
                FROM :"schema".scheduled_jobs AS job
                WHERE job.schedule_key = schedule.schedule_key AND job.status IN ('pending', 'running')
            )
        )
    RETURNING
        schedule.schedule_key, schedule.task_name, schedule.task_data, schedule.priority,
        schedule.max_retries, schedule.misfire_grace_time, schedule.timeout_seconds, schedule.backoff,
        schedule.exclusive, schedule.contention
),
stored AS (
    INSERT INTO :"schema".scheduled_jobs (
        job_id, job_name, execution_time, task_data, created_at, priority, max_retries,
        misfire_grace_time, timeout_seconds, backoff, schedule_key, schedule_window, exclusive_key,
        exclusive_wait
    )
    SELECT
        given.job_id, step.task_name, given.execution_time, step.task_data,
        coalesce(:now::timestamptz, now()), step.priority, step.max_retries, step.misfire_grace_time,
        step.timeout_seconds, step.backoff, step.schedule_key, given.schedule_window,
        CASE WHEN step.exclusive THEN step.schedule_key END, step.contention = 'wait'
    FROM step
    CROSS JOIN unnest(
        :job_ids::text[], :windows::timestamptz[], :execution_times::timestamptz[]
    ) AS given (job_id, schedule_window, execution_time)
    ON CONFLICT (job_id) DO NOTHING
    RETURNING job_id
)
SELECT
    step.schedule_key,
    (
        SELECT pg_notify(:channel::text, 'due')
        WHERE EXISTS (SELECT 1 FROM stored)
    ) AS notified
FROM step;
