-- The same, held still for the rest of the transaction. All rows are locked by one statement, in the order in
-- which everybody locks schedules, so that no two who start or stage at the same time can deadlock.
SELECT
    -- include: registered_columns,
    :NOW AS now
FROM :"schema".scheduled_job_schedules AS schedule
WHERE -- include: is_concerned
ORDER BY schedule.schedule_key
FOR UPDATE;
