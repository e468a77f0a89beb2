-- How far attempts got. The last report of an attempt that has ended meanwhile counts too: nobody has
-- claimed the job since. A row that somebody's open transaction holds is passed over, and answered: the
-- others must not wait for that transaction.
WITH
-- The reports.
report AS MATERIALIZED (
    SELECT *
    FROM unnest(
        :job_ids::text[], :epochs::bigint[], :dones::double precision[], :totals::double precision[]
    ) AS report (job_id, epoch, done, total)
),
-- Their rows, locked.
free AS MATERIALIZED (
    SELECT job.job_id
    FROM report
    JOIN :"schema".scheduled_jobs AS job ON job.job_id = report.job_id AND job.epoch = report.epoch
    ORDER BY job.job_id COLLATE "C"
    FOR NO KEY UPDATE OF job SKIP LOCKED
),
-- What they say now.
noted AS (
    UPDATE :"schema".scheduled_jobs AS job
    SET progress_done = report.done,
        progress_total = report.total
    FROM report
    WHERE job.job_id = report.job_id
        AND job.epoch = report.epoch
        AND job.job_id = ANY (ARRAY(SELECT free.job_id FROM free))
)
SELECT job.job_id, job.epoch
FROM report
JOIN :"schema".scheduled_jobs AS job ON job.job_id = report.job_id AND job.epoch = report.epoch
WHERE job.job_id NOT IN (SELECT free.job_id FROM free);
