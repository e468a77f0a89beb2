SELECT
    -- include: place_at,
    place.job_id AS place_id,
    place.is_last,
    place.is_wanted,
    -- include: shown_columns
FROM found AS place
JOIN :"schema".scheduled_jobs AS job ON job.job_id = place.job_id
ORDER BY place.at DESC, place.job_id COLLATE "C" DESC;
