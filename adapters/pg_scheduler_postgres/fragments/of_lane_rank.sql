-- Pending jobs of one rank of a lane, in one queue.
job.status = 'pending'
    AND job.lane IS NOT NULL
    AND job.queue = lane_ranks.queue
    AND job.job_name COLLATE "C" = lane_ranks.job_name
    AND job.lane = lane_ranks.lane
    AND job.priority = lane_ranks.priority
