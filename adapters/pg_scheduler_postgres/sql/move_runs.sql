-- Runs of a schedule whose task was renamed go on under its new name, and those of one that was replaced
-- under the name of who stands for it: nobody might know the old one, and the schedule would wait for them
-- for ever. They leave their lane, as it was the old name's.
WITH
-- By the key of a run: the schedule whose task it is for. That is its own; else, of several that have taken
-- its place together, the one that has inherited its lock.
heirs AS MATERIALIZED (
    SELECT DISTINCT ON (run_of.key)
        run_of.key, schedule.schedule_key, schedule.task_name, schedule.task_data
    FROM :"schema".scheduled_job_schedules AS schedule
    CROSS JOIN LATERAL pg_catalog.unnest(
        pg_catalog.array_append(schedule.stands_for, schedule.schedule_key COLLATE "default")
    ) AS run_of (key)
    LEFT JOIN :"schema".scheduled_job_schedules AS replaced ON replaced.schedule_key = run_of.key
    WHERE NOT schedule.retired
    ORDER BY
        run_of.key,
        schedule.schedule_key <> run_of.key,
        coalesce(
            coalesce(schedule.lock_name, schedule.schedule_key)
                <> coalesce(replaced.lock_name, replaced.schedule_key),
            true
        ),
        schedule.schedule_key
),
-- Those that have not begun, locked in the order of their ids; who is held is moved the next time.
held AS MATERIALIZED (
    SELECT
        job.job_id, job.job_name AS task_before, heirs.schedule_key, heirs.task_name, heirs.task_data
    FROM :"schema".scheduled_jobs AS job
    JOIN heirs ON heirs.key = job.schedule_key
    WHERE job.status = 'pending'
        AND job.schedule_key IS NOT NULL
        AND job.job_name <> heirs.task_name
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
