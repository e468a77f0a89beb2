-- The fence: the writer runs the job, or its lease was taken back, nobody has claimed the job since (its
-- epoch is still the verdict's), and the verdict counts then too.
(
    (job.status = 'running' AND job.worker_id = :worker_id::text)
    OR (job.status = 'pending' AND verdict.counts_unclaimed)
)
