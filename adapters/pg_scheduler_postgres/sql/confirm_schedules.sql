-- A worker's code has these schedules. One that somebody holds is passed over: it is confirmed in the next
-- round, or by another worker.
WITH
-- Those that still are as the worker has seen them, locked in the order of their keys.
held AS MATERIALIZED (
    SELECT schedule.schedule_key
    FROM :"schema".scheduled_job_schedules AS schedule
    JOIN unnest(:keys::text[], :spec_hashes::text[]) AS seen (schedule_key, spec_hash)
        ON seen.schedule_key = schedule.schedule_key AND seen.spec_hash = schedule.spec_hash
    WHERE NOT schedule.retired
    ORDER BY schedule.schedule_key
    FOR NO KEY UPDATE OF schedule SKIP LOCKED
)
UPDATE :"schema".scheduled_job_schedules AS schedule
SET heartbeat = :NOW
FROM held
WHERE schedule.schedule_key = held.schedule_key;
