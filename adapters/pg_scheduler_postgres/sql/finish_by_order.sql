-- An operator's word ends a job; the epoch ends the right of a running attempt to write.
UPDATE :"schema".scheduled_jobs AS job
SET status = :status::text,
    epoch = job.epoch + 1,
    finished_at = coalesce(:now::timestamptz, now()),
    lease_until = NULL,
    superseded = false
WHERE job.job_id = :job_id::text;
