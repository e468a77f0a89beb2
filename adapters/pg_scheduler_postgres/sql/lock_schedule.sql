-- One schedule's rule and standing, held still for the rest of the transaction.
SELECT schedule.spec::text AS spec, schedule.retired
FROM :"schema".scheduled_job_schedules AS schedule
WHERE schedule.schedule_key = :schedule_key::text
FOR UPDATE;
