-- Pause or resume. Who is resumed goes on with the first window after now, also after a clock that ran ahead
-- has moved its mark; saying what is so already changes nothing.
WITH
-- The schedule as it was.
before AS (
    SELECT schedule.paused
    FROM :"schema".scheduled_job_schedules AS schedule
    WHERE schedule.schedule_key = :schedule_key::text
    FOR UPDATE
),
-- The schedule, paused or resumed.
changed AS (
    UPDATE :"schema".scheduled_job_schedules AS schedule
    SET next_window = CASE WHEN schedule.paused = :paused::boolean THEN schedule.next_window END,
        mark = CASE
            WHEN schedule.paused <> :paused::boolean
                AND schedule.mark > :NOW + pg_catalog.make_interval(secs => :ahead_seconds::double precision)
            THEN :NOW
            ELSE schedule.mark
        END,
        paused = :paused::boolean
    FROM before
    WHERE schedule.schedule_key = :schedule_key::text
    RETURNING before.paused AS was_paused
)
SELECT
    pg_catalog.pg_notify(:channel::text, 'schedule') AS notified,
    changed.was_paused <> :paused::boolean AS changed
FROM changed;
