-- How far attempts got. The last report of an attempt that has ended meanwhile counts too: nobody has
-- claimed the job since.
UPDATE :"schema".scheduled_jobs AS job
SET progress_done = report.done,
    progress_total = report.total
FROM unnest(
    :job_ids::text[], :epochs::bigint[], :dones::double precision[], :totals::double precision[]
) AS report (job_id, epoch, done, total)
WHERE job.job_id = report.job_id
    AND job.epoch = report.epoch
    AND job.job_id = ANY (ARRAY(SELECT unnest(:job_ids::text[])));
