-- Pause or resume. Who is resumed goes on with the first window after now; saying what is so already
-- changes nothing. A window that is a job already, but has not begun, does not begin while paused.
WITH
-- The schedule, paused or resumed.
changed AS (
    UPDATE :"schema".scheduled_job_schedules AS schedule
    SET next_window = CASE WHEN schedule.paused = :paused::boolean THEN schedule.next_window END,
        paused = :paused::boolean
    WHERE schedule.schedule_key = :schedule_key::text
    RETURNING schedule.schedule_key
),
-- Its window that has not begun, if it is paused.
withdrawn AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET status = 'cancelled',
        finished_at = :NOW,
        error_message = 'its schedule was paused'
    WHERE :paused::boolean
        AND job.schedule_key = :schedule_key::text
        AND job.status = 'pending'
        AND job.started_at IS NULL
        AND job.schedule_window IS NOT NULL
)
SELECT pg_notify(:channel::text, 'schedule') AS notified
FROM changed;
