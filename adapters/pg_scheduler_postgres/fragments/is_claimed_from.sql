walk.is_served AND walk.is_known AND walk.job_name <> ''
