-- Which of the wanted "relation" and "relation.column" names do not exist in the schema. An index that was
-- begun with CONCURRENTLY and not completed counts as missing. Where there are views for a role that reads,
-- there are no indexes to miss.
SELECT wanted.relation || coalesce('.' || wanted.attribute, '') AS name
FROM unnest(:relations::text[], :attributes::text[]) WITH ORDINALITY AS wanted (relation, attribute, position)
WHERE NOT EXISTS (
    SELECT 1
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute AS a
        ON a.attrelid = c.oid AND a.attname = wanted.attribute AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
    WHERE n.nspname = :schema_name::text
        AND c.relname = wanted.relation
        AND (wanted.attribute IS NULL OR a.attname IS NOT NULL)
        AND coalesce(i.indisvalid, true)
)
AND NOT (
    wanted.attribute IS NULL
    AND EXISTS (
        SELECT 1
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema_name::text AND c.relname = 'scheduled_jobs' AND c.relkind = 'v'
    )
)
ORDER BY wanted.position;
