-- The names of pending jobs, by code point whatever the language of the database.
WITH RECURSIVE
-- include: waiting_streams,
-- include: waiting_in_lanes
SELECT waiting.job_name
FROM (
    SELECT waiting_streams.job_name FROM waiting_streams
    UNION
    SELECT waiting_in_lanes.job_name FROM waiting_in_lanes
) AS waiting
WHERE waiting.job_name <> ''
ORDER BY waiting.job_name COLLATE "C";
