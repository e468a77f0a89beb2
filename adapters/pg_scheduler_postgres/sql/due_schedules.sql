-- Schedules that need a step: a window is due, or none has been computed. Those that wait for their own
-- unfinished run are left out until it has finished, and so are those that this worker cannot read.
SELECT
    moment.now,
    (
        SELECT extract(EPOCH FROM pg_catalog.min(future.next_window) - moment.now)
        FROM :"schema".scheduled_job_schedules AS future
        WHERE NOT future.paused AND NOT future.retired
            AND future.task_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
            AND future.next_window > moment.now
    )::double precision AS wait_seconds,
    due.*
FROM (SELECT :NOW AS now) AS moment
LEFT JOIN LATERAL (
    SELECT
        -- include: schedule_columns,
        -- include: is_busy AS busy
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE NOT schedule.paused AND NOT schedule.retired
        AND schedule.task_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
        AND (schedule.next_window IS NULL OR schedule.next_window <= moment.now)
        AND (schedule.schedule_key, schedule.spec_hash) NOT IN (
            SELECT unread.schedule_key, unread.spec_hash
            FROM unnest(:except_keys::text[], :except_hashes::text[]) AS unread (schedule_key, spec_hash)
        )
        AND NOT (
            schedule.waits
            AND -- include: is_busy
        )
    ORDER BY schedule.next_window NULLS FIRST, schedule.schedule_key
    LIMIT (SELECT :limit::integer)
) AS due ON true
ORDER BY due.schedule_key;
