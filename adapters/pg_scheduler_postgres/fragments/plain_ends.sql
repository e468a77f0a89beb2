-- Attempts that only end their jobs. The fence is that of settle.sql. Superseded rows are left out.
SELECT job.job_id, job.epoch, job.job_name, job.queue, job.lane, job.schedule_key, job.awaited
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
    -- IS TRUE keeps it a look into a hash for each row. As a join the planner would guess at its size.
    AND (
        (job.job_id, job.epoch)
            IN (SELECT pg_catalog.unnest(:job_ids::text[]), pg_catalog.unnest(:epochs::bigint[]))
    ) IS TRUE
    AND NOT job.superseded
    AND ((job.status = 'running' AND job.worker_id = :worker_id::text) OR job.status = 'pending')
