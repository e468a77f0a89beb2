-- A worker's code has these schedules.
UPDATE :"schema".scheduled_job_schedules AS schedule
SET heartbeat = :NOW
WHERE schedule.schedule_key = ANY (:keys::text[]);
