job.finished_at >= :since::text::timestamptz AND job.finished_at < :at::text::timestamptz
