-- Windows of a paused schedule that are jobs already, but have not begun, do not begin. In a statement of its
-- own: it may have to wait for a job that somebody holds, and must not hold the schedule meanwhile.
WITH
-- Jobs that have not begun, locked in the order of their ids.
held AS MATERIALIZED (
    SELECT job.job_id
    FROM :"schema".scheduled_jobs AS job
    WHERE job.schedule_key = :schedule_key::text
        AND job.status = 'pending'
        AND job.started_at IS NULL
        AND job.schedule_window IS NOT NULL
    ORDER BY job.job_id
    FOR UPDATE
)
UPDATE :"schema".scheduled_jobs AS job
SET status = 'cancelled',
    finished_at = :NOW,
    error_message = 'its schedule was paused'
FROM held
WHERE job.job_id = held.job_id
    AND EXISTS (
        SELECT 1
        FROM :"schema".scheduled_job_schedules AS schedule
        WHERE schedule.schedule_key = :schedule_key::text AND schedule.paused
    );
