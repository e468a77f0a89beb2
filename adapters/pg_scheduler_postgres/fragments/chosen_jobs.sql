-- Which jobs are to be changed, and as what they were chosen.
chosen AS (
    SELECT chosen.job_id, chosen.epoch, chosen.status
    FROM unnest(:job_ids::text[], :epochs::bigint[], :statuses::text[]) AS chosen (job_id, epoch, status)
),
-- The jobs as they are, locked. What somebody's open transaction holds is left to it.
locked AS MATERIALIZED (
    SELECT job.job_id, job.status, job.epoch, job.schedule_key, job.awaited, job.dedupe_key
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = ANY (ARRAY(SELECT pg_catalog.unnest(:job_ids::text[])))
    ORDER BY job.job_id COLLATE "C"
    FOR UPDATE OF job SKIP LOCKED
),
-- Whether each is still as it was chosen. What was named by its id alone always is.
known AS MATERIALIZED (
    SELECT
        locked.*,
        coalesce(chosen.epoch = locked.epoch, true)
            AND coalesce(chosen.status = locked.status, true) AS is_as_chosen
    FROM locked
    JOIN chosen ON chosen.job_id = locked.job_id
),
