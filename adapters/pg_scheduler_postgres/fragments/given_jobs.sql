SELECT
    -- include: given_job_values
FROM unnest(
    -- include: given_job_arrays
) AS given (
    -- include: given_job_names
)
