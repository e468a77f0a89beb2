-- Remember the job of a run that somebody asked for.
UPDATE :"schema".scheduled_job_schedules AS schedule
SET last_job_id = :job_id::text
WHERE schedule.schedule_key = :schedule_key::text
RETURNING schedule.schedule_key;
