-- These are schedules again: nobody else stands for them.
UPDATE :"schema".scheduled_job_schedules AS schedule
SET stands_for = ARRAY(
    SELECT each.key
    FROM pg_catalog.unnest(schedule.stands_for) WITH ORDINALITY AS each (key, place)
    WHERE each.key <> ALL (:keys::text[])
    ORDER BY each.place
)
WHERE schedule.stands_for OPERATOR(pg_catalog.&&) :keys::text[] AND NOT schedule.retired;
