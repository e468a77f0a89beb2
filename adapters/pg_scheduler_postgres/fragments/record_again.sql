ON CONFLICT (job_id, epoch) DO UPDATE SET
    attempt = EXCLUDED.attempt,
    worker_id = EXCLUDED.worker_id,
    started_at = EXCLUDED.started_at,
    finished_at = EXCLUDED.finished_at,
    outcome = EXCLUDED.outcome,
    error_message = EXCLUDED.error_message,
    traceback = EXCLUDED.traceback
