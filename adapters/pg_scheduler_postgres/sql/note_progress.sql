-- How far attempts got. The last report of an attempt that has ended meanwhile counts too: nobody has
-- claimed the job since.
UPDATE :"schema".scheduled_jobs AS job
SET progress_done = told.done,
    progress_total = told.total
FROM unnest(
    :job_ids::text[], :epochs::bigint[], :dones::double precision[], :totals::double precision[]
) AS told (job_id, epoch, done, total)
WHERE job.job_id = told.job_id AND job.epoch = told.epoch AND job.job_id = ANY (:job_ids::text[]);
