-- Store jobs; a taken id takes the new definition. A running attempt keeps its lease and its epoch: the
-- new version waits in the row, marked superseded, until that attempt ends.
WITH
-- The jobs that were stored, or took a new definition.
stored AS (
    INSERT INTO :"schema".scheduled_jobs AS job (
        -- include: run_columns
    )
    -- include: given_runs
    ON CONFLICT (job_id) DO UPDATE SET
        -- include: replaced_columns,
        schedule_window = NULL,
        progress_done = NULL,
        progress_total = NULL,
        superseded = job.status = 'running',
        -- In which lane and queue the running attempt has its place.
        counts_epoch = CASE WHEN job.status = 'running' THEN job.epoch END,
        counts_name = CASE WHEN job.counts_epoch = job.epoch THEN job.counts_name ELSE job.job_name END,
        counts_lane = CASE WHEN job.counts_epoch = job.epoch THEN job.counts_lane ELSE job.lane END,
        counts_queue = CASE WHEN job.counts_epoch = job.epoch THEN job.counts_queue ELSE job.queue END,
        status = CASE WHEN job.status = 'running' THEN 'running' ELSE 'pending' END,
        epoch = CASE WHEN job.status = 'running' THEN job.epoch ELSE job.epoch + 1 END,
        attempt_count = CASE WHEN job.status = 'running' THEN job.attempt_count ELSE 0 END,
        retry_count = CASE WHEN job.status = 'running' THEN job.retry_count ELSE 0 END,
        crash_count = CASE WHEN job.status = 'running' THEN job.crash_count ELSE 0 END,
        started_at = CASE WHEN job.status = 'running' THEN job.started_at END,
        worker_id = CASE WHEN job.status = 'running' THEN job.worker_id END,
        cancel_requested_at = CASE WHEN job.status = 'running' THEN job.cancel_requested_at END,
        finished_at = NULL,
        error_message = NULL,
        error_group = NULL,
        result = NULL
    RETURNING job.job_id, job.queue, job.job_name, job.execution_time, job.lane, job.xmax = 0 AS inserted
)
SELECT
    stored.job_id,
    stored.inserted,
    -- include: notify_stored
FROM stored;
