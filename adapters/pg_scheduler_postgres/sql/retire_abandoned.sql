-- No worker's code has these schedules any more. They keep their next window, from which they go on should
-- their code come back. One that somebody holds is looked at again later.
WITH
-- Those that nobody has confirmed, locked in the order of their keys.
held AS MATERIALIZED (
    SELECT schedule.schedule_key
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE schedule.schedule_key = ANY (:keys::text[])
        AND schedule.origin = 'code'
        AND NOT schedule.retired
        AND schedule.heartbeat <= :NOW - pg_catalog.make_interval(secs => :silence_seconds::double precision)
    ORDER BY schedule.schedule_key
    FOR NO KEY UPDATE OF schedule SKIP LOCKED
)
UPDATE :"schema".scheduled_job_schedules AS schedule
SET retired = true
FROM held
WHERE schedule.schedule_key = held.schedule_key
RETURNING schedule.schedule_key;
