job_id, epoch, attempt, worker_id, started_at, finished_at, outcome, error_message, traceback
