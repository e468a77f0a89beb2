-- Runs of a schedule whose task was renamed go on under its new name: nobody might know the old one, and the
-- schedule would wait for them for ever. They leave their lane, as it was the old name's.
WITH
-- Those that have not begun, locked in the order of their ids; who is held is moved the next time.
held AS MATERIALIZED (
    SELECT
        job.job_id, job.job_name AS task_before, schedule.schedule_key, schedule.task_name,
        schedule.task_data
    FROM :"schema".scheduled_jobs AS job
    JOIN :"schema".scheduled_job_schedules AS schedule ON schedule.schedule_key = job.schedule_key
    WHERE job.status = 'pending'
        AND job.schedule_key IS NOT NULL
        AND job.job_name <> schedule.task_name
        AND NOT schedule.retired
    ORDER BY job.job_id
    FOR UPDATE OF job SKIP LOCKED
),
-- Under their new name.
moved AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET job_name = held.task_name,
        task_data = held.task_data,
        lane = NULL
    FROM held
    WHERE job.job_id = held.job_id
    RETURNING held.schedule_key, held.task_before, held.task_name
)
SELECT
    moved.schedule_key, moved.task_before, moved.task_name, pg_catalog.count(*) AS runs,
    pg_catalog.pg_notify(:channel::text, 'due') AS notified
FROM moved
GROUP BY moved.schedule_key, moved.task_before, moved.task_name
ORDER BY moved.schedule_key COLLATE "C", moved.task_before COLLATE "C";
