-- Active schedules of cron whose zone is not UTC, some of them, by key: what new zone data may move.
SELECT
    -- include: schedule_columns,
    false AS busy
FROM :"schema".scheduled_job_schedules AS schedule
WHERE NOT schedule.paused
    AND NOT schedule.retired
    AND schedule.task_name = ANY (ARRAY(SELECT pg_catalog.unnest(:task_names::text[])))
    AND schedule.next_window IS NOT NULL
    AND schedule.spec ->> 'cron'::text IS NOT NULL
    AND schedule.spec ->> 'timezone'::text <> 'UTC'
    AND schedule.schedule_key > :after_key::text COLLATE "C"
ORDER BY schedule.schedule_key
LIMIT (SELECT :limit::integer);
