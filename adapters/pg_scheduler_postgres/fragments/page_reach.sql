-- How far each is read: as many jobs as may be looked through, shared out among them; at least a page.
reach AS MATERIALIZED (
    SELECT greatest(
        :limit::integer,
        :most_searched::integer / greatest(least(pg_catalog.count(*), :breadth::integer), 1)
    ) AS depth
    FROM runs
),
