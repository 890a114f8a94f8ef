-- Policies that work, and cost more than they need. Rows: how bad it is, what it is, and the SQL that mends it.
WITH names AS (SELECT $1::text AS web, $2::text AS jobs),
policies AS (
    SELECT p.polrelid, p.polname, format('%I.%I', n.nspname, c.relname) AS name,
        pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check"
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\_%' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
),
-- The same, with each call of the function in a sub-query of its own.
wrapped AS (
    SELECT *,
        replace(replace(replace("using", once, chr(1)), 'catena.user_id()', '(SELECT catena.user_id())'), chr(1), once)
            AS new_using,
        replace(replace(replace("check", once, chr(1)), 'catena.user_id()', '(SELECT catena.user_id())'), chr(1), once)
            AS new_check
    FROM policies, (VALUES ('SELECT catena.user_id() AS user_id')) AS text (once)
)
SELECT 'warning' AS level,
    format('the policy %I of %s calls catena.user_id() once a row', polname, name) AS what,
    format('ALTER POLICY %I ON %s', polname, name)
        || coalesce(' USING (' || new_using || ')', '') || coalesce(' WITH CHECK (' || new_check || ')', '') AS mend
FROM wrapped
WHERE ("using", "check") IS DISTINCT FROM (new_using, new_check)

UNION ALL
SELECT DISTINCT 'warning',
    format('the policy %I of %s compares %I with the user, and no index begins with that column', polname, name,
        t.attname),
    format('CREATE INDEX ON %s (%I)', name, t.attname)
FROM policies JOIN pg_catalog.pg_attribute t ON t.attrelid = polrelid
WHERE t.attnum > 0 AND NOT t.attisdropped
    -- As PostgreSQL writes expressions.
    AND (
        position(format('(%I = catena.user_id()', t.attname) IN "using") > 0
        OR position(format('(%I = ( SELECT catena.user_id()', t.attname) IN "using") > 0
        OR position(format('catena.user_id() AS user_id) = %I)', t.attname) IN "using") > 0
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_index i
        WHERE i.indrelid = polrelid AND i.indisvalid AND i.indkey[0] = t.attnum AND i.indpred IS NULL
    )
ORDER BY 2
