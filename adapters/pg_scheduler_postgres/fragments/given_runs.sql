SELECT
    -- include: given_run_values
FROM unnest(
    -- include: given_run_arrays
) AS given (
    -- include: given_run_names
)
