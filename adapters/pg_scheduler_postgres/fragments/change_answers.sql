SELECT
    known.job_id, known.status, known.is_as_chosen, false AS is_held,
    known.job_id IN (SELECT changed.job_id FROM changed) AS is_changed
FROM known
UNION ALL
SELECT job.job_id, job.status, true, true, false
FROM :"schema".scheduled_jobs AS job
WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
    AND job.job_id NOT IN (SELECT known.job_id FROM known)
