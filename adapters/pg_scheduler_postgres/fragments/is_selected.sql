(:task_name::text IS NULL OR job.job_name = :task_name::text)
AND (:queue::text IS NULL OR job.queue = :queue::text)
AND (:worker_id::text IS NULL OR job.worker_id = :worker_id::text)
AND (
    :error::text IS NULL
    OR pg_catalog.strpos(pg_catalog.lower(job.error_message), pg_catalog.lower(:error::text)) > 0
)
AND (:key::text IS NULL OR job.dedupe_key = :key::text OR job.lane = :key::text AND job.lane <> '')
AND (:error_group::text IS NULL OR job.status = 'failed' AND job.error_group = :error_group::text)
AND (:id_prefix::text = '' OR pg_catalog.starts_with(job.job_id, :id_prefix::text))
AND (pg_catalog.cardinality(:paths::text[]) = 0 OR NOT EXISTS (
    SELECT 1
    FROM unnest(:paths::text[], :wanted_texts::text[]) AS argument (path, wanted)
    WHERE pg_catalog.jsonb_extract_path_text(
            job.task_data, VARIADIC pg_catalog.string_to_array(argument.path, pg_catalog.chr(1))
        ) IS DISTINCT FROM argument.wanted
))
