-- The columns that models and their tables expect, beside those that the database has: a row for each of either.
--
-- $1 tables as in SQL, $2 columns, $3 their types, or $4 and $5 the names and schemas of types that PostgreSQL has not
-- brought along, of which $6 wants the arrays.
WITH RECURSIVE wanted AS (
    SELECT w.*, to_regclass(w.relation)::oid AS relid,
        coalesce(w.type, CASE WHEN w.is_array THEN named.typarray ELSE named.oid END) AS type_id
    FROM unnest($1::text[], $2::text[], $3::oid[], $4::text[], $5::text[], $6::bool[])
        WITH ORDINALITY AS w (relation, name, type, type_name, type_schema, is_array, place)
    LEFT JOIN LATERAL (
        SELECT t.oid, t.typarray
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typname = w.type_name
            AND CASE WHEN w.type_schema IS NULL THEN pg_type_is_visible(t.oid) ELSE n.nspname = w.type_schema END
    ) named ON true
),
-- Each type, and the one that it is without the checks of domains.
plain (id, base) AS (
    SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, p.base FROM pg_catalog.pg_type t JOIN plain p ON p.id = t.typbasetype WHERE t.typtype = 'd'
),
-- A type as it is compared: what its values are, or what those of its lists are.
types AS (
    SELECT p.id, t.typcategory = 'A' AS is_list, coalesce(e.base, p.base) AS value
    FROM plain p
    JOIN pg_catalog.pg_type t ON t.oid = p.base
    LEFT JOIN plain e ON e.id = t.typelem AND t.typcategory = 'A'
),
live AS (
    SELECT a.attrelid, a.attname::text AS name, a.attnum, a.atttypid, c.relkind::text AS kind,
        format_type(a.atttypid, a.atttypmod) AS type,
        a.attnotnull OR t.typnotnull AS not_null,
        a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS has_default,
        a.attgenerated <> '' OR a.attidentity = 'a' AS computed,
        -- Triggers that may fill it before a row is checked: for each row (1), before (2) an insert (4).
        EXISTS (
            SELECT FROM pg_catalog.pg_trigger g
            WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal AND g.tgtype & 7 = 7
        ) AS has_triggers
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE NOT a.attisdropped AND a.attrelid IN (SELECT relid FROM wanted)
)
SELECT coalesce(w.relation, (SELECT min(relation) FROM wanted WHERE relid = l.attrelid)) AS relation,
    w.place - 1 AS place,
    w.name IS NOT NULL AND w.relid IS NULL AS lacks_table,
    format_type(w.type_id, NULL) AS wanted_type,
    l.name, l.kind, l.type, l.not_null, l.has_default, l.computed, l.has_triggers,
    -- Its own name, or that of what it lists.
    (SELECT typname::text FROM pg_catalog.pg_type WHERE oid = has.value) AS value_type,
    has.is_list,
    -- What the database sends and takes is the same in bytes: `varchar` is as good as `text`.
    coalesce(
        wants.is_list = has.is_list AND (
            wants.value = has.value
            OR EXISTS (
                SELECT FROM pg_catalog.pg_cast
                WHERE castmethod = 'b'
                    AND (castsource, casttarget) IN ((wants.value, has.value), (has.value, wants.value))
            )
            OR wants.value IN ('text'::regtype, 'varchar'::regtype)
                AND has.value IN ('bpchar'::regtype, 'name'::regtype)
        ),
        -- A type that is out of sight goes by its name.
        w.type IS NULL AND w.type_name = (SELECT typname FROM pg_catalog.pg_type WHERE oid = has.value)
    ) AS fits
FROM wanted w
FULL JOIN live l ON l.attrelid = w.relid AND l.name = w.name
LEFT JOIN types wants ON wants.id = w.type_id
LEFT JOIN types has ON has.id = l.atttypid
WHERE w.name IS NOT NULL OR l.attnum > 0
ORDER BY relation, w.place NULLS LAST, l.attnum
