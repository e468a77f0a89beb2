-- Schedules that may stand still for ever: nobody confirms them, their runs bear another task's name, this
-- worker does not know their task, or their mark lies in the future. What is really wrong with them is
-- decided in `domain.astray`.
SELECT moment.now, stray.*
FROM (SELECT :NOW AS now) AS moment
LEFT JOIN LATERAL (
    SELECT
        schedule.schedule_key, schedule.task_name, schedule.origin, schedule.heartbeat, schedule.mark,
        schedule.next_window, NOT schedule.paused AS active,
        schedule.waits AND -- include: is_busy AS waits_for_its_run,
        -- include: has_runs_of_another_task AS has_runs_of_another_task
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE NOT schedule.retired
        AND (
            (
                schedule.origin = 'code'
                AND schedule.heartbeat
                    <= moment.now - pg_catalog.make_interval(secs => :silence_seconds::double precision)
            )
            OR (
                NOT schedule.paused
                AND (
                    schedule.task_name <> ALL (ARRAY(SELECT pg_catalog.unnest(:known_names::text[])))
                    OR schedule.mark > moment.now + pg_catalog.make_interval(
                        secs => :ahead_seconds::double precision
                    )
                )
            )
            OR -- include: has_runs_of_another_task
        )
) AS stray ON true
ORDER BY stray.schedule_key;
