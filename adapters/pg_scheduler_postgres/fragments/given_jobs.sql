SELECT
    -- include: given_values
FROM unnest(
    -- include: given_arrays
) AS given (
    -- include: given_names
)
