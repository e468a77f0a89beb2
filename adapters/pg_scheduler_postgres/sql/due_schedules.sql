-- Schedules that need a step: a window is due, or none has been computed. Those that wait for their own
-- unfinished run are left out until it has finished.
SELECT
    moment.now,
    (
        SELECT extract(EPOCH FROM min(future.next_window) - moment.now)
        FROM :"schema".scheduled_job_schedules AS future
        WHERE NOT future.paused AND NOT future.retired
            AND future.task_name = ANY (:task_names::text[])
            AND future.next_window > moment.now
    )::double precision AS wait_seconds,
    due.*
FROM (SELECT coalesce(:now::timestamptz, now()) AS now) AS moment
LEFT JOIN LATERAL (
    SELECT
    schedule.schedule_key, schedule.task_name, schedule.spec::text AS spec, schedule.spec_hash,
    schedule.older_hashes, schedule.task_data::text AS task_data, schedule.priority,
    schedule.max_retries, schedule.misfire_grace_time, schedule.timeout_seconds,
    schedule.backoff::text AS backoff, schedule.exclusive, schedule.contention, schedule.origin,
    schedule.paused, schedule.retired, schedule.mark, schedule.next_window, schedule.run_count,
    schedule.skipped_count, schedule.last_job_id, schedule.created_at, schedule.heartbeat,
    EXISTS (
        SELECT 1
        FROM :"schema".scheduled_jobs AS job
        WHERE job.schedule_key = schedule.schedule_key AND job.status IN ('pending', 'running')
    ) AS busy
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE NOT schedule.paused AND NOT schedule.retired
        AND schedule.task_name = ANY (:task_names::text[])
        AND (schedule.next_window IS NULL OR schedule.next_window <= moment.now)
        AND NOT (
            schedule.waits
            AND EXISTS (
                SELECT 1
                FROM :"schema".scheduled_jobs AS job
                WHERE job.schedule_key = schedule.schedule_key AND job.status IN ('pending', 'running')
            )
        )
    ORDER BY schedule.next_window NULLS FIRST, schedule.schedule_key
    LIMIT :limit::integer
) AS due ON true
ORDER BY due.schedule_key;
