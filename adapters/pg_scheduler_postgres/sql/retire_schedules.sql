-- Newer code has other schedules in the place of these, or no code has them any more: then they keep their
-- next window, from which they go on should their code come back.
UPDATE :"schema".scheduled_job_schedules AS schedule
SET retired = true,
    next_window = CASE WHEN schedule.schedule_key = ANY (:abandoned::text[]) THEN schedule.next_window END
WHERE schedule.schedule_key = ANY (pg_catalog.array_cat(:replaced::text[], :abandoned::text[]));
