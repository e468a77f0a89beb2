-- Pause or resume. Who is resumed goes on with the first window after now; saying what is so already
-- changes nothing.
WITH changed AS (
    UPDATE :"schema".scheduled_job_schedules AS schedule
    SET next_window = CASE WHEN schedule.paused = :paused::boolean THEN schedule.next_window END,
        paused = :paused::boolean
    WHERE schedule.schedule_key = :schedule_key::text
    RETURNING schedule.schedule_key
)
SELECT pg_notify(:channel::text, 'schedule') AS notified
FROM changed;
