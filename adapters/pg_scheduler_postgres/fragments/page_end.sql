-- The newest place at which reading one of them ended: beyond it, jobs of that one may be missing.
horizon AS MATERIALIZED (
    SELECT looked.at, looked.job_id
    FROM looked
    WHERE looked.is_last
    ORDER BY looked.at DESC, looked.job_id DESC
    LIMIT 1
),
-- What was read up to there.
places AS MATERIALIZED (
    SELECT
        looked.at,
        looked.job_id,
        coalesce((looked.at, looked.job_id) = (horizon.at, horizon.job_id), false) AS is_last
    FROM looked
    LEFT JOIN horizon ON true
    WHERE coalesce((looked.at, looked.job_id) >= (horizon.at, horizon.job_id), true)
)
SELECT
    -- include: place_at,
    place.job_id AS place_id,
    place.is_last,
    job.job_id IS NOT NULL AS is_wanted,
    -- include: shown_columns
FROM places AS place
LEFT JOIN LATERAL (
    SELECT job.*
    FROM :"schema".scheduled_jobs AS job
    WHERE job.job_id = place.job_id
        AND -- include: is_selected
    LIMIT 1
) AS job ON true
WHERE job.job_id IS NOT NULL OR place.is_last
ORDER BY place.at DESC, place.job_id COLLATE "C" DESC
LIMIT :limit::integer;
