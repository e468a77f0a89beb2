-- Forget a schedule.
DELETE FROM :"schema".scheduled_job_schedules AS schedule
WHERE schedule.schedule_key = :schedule_key::text
RETURNING schedule.schedule_key;
