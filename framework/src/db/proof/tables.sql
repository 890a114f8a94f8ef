-- What the role of requests ($1) reaches past row-level security. Rows: how bad it is, what it is, and the SQL that
-- mends it. Only what is granted to it or to everybody counts: what it has as a member or by its attributes is another
-- fault.
WITH names AS (SELECT $1::text AS web, $2::text AS jobs),
web AS (
    SELECT * FROM pg_catalog.pg_roles WHERE rolname = (SELECT web FROM names)
),
-- What is neither PostgreSQL's own, nor an extension's, nor ours.
schemas AS (
    SELECT oid, nspname FROM pg_catalog.pg_namespace
    WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', 'catena')
),
relations AS (
    SELECT c.oid, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relowner, c.reloptions, c.relacl,
        format('%I.%I', n.nspname, c.relname) AS name,
        CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
            ELSE 'TABLE' END AS kind,
        (SELECT bool_or(obj_description(o, 'pg_class') ~ '(^|\n)catena: public(\n|$)')
            FROM unnest(ARRAY[c.oid, pg_partition_root(c.oid)]) AS o) IS TRUE AS is_public
    FROM pg_catalog.pg_class c JOIN schemas n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
),
granted AS (
    SELECT r.oid, a.privilege_type AS "right", a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AS is_of_rows,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(web.rolname) END AS grantee
    FROM web, relations r, LATERAL (
        SELECT * FROM aclexplode(r.relacl)
        UNION ALL
        SELECT x.* FROM pg_catalog.pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = r.oid
    ) AS a
    -- What it may as an owner is that fault.
    WHERE a.grantee IN (0, web.oid) AND a.grantee <> r.relowner
),
-- What requests read or write, unless everybody may: with policies that let them, and what revokes it.
reached AS (
    SELECT r.*, g.rights, format('REVOKE ALL ON %s FROM %s', r.name, g.grantees) AS revoke,
        EXISTS (
            SELECT FROM pg_catalog.pg_policy p, web
            WHERE p.polrelid = r.oid AND p.polpermissive AND p.polroles && ARRAY[0, web.oid]
        ) AS has_policy,
        format('; if everybody may: COMMENT ON %s %s IS ''catena: public''', r.kind, r.name) AS unless
    FROM relations r, LATERAL (
        SELECT string_agg(DISTINCT "right", ', ') AS rights, string_agg(DISTINCT grantee, ', ') AS grantees
        FROM granted WHERE granted.oid = r.oid AND is_of_rows
    ) AS g
    WHERE g.rights IS NOT NULL AND NOT r.is_public
),
-- A policy for a table that has the column for it.
own AS (
    SELECT DISTINCT ON (r.oid) r.oid,
        format('CREATE POLICY %I ON %s USING (%I = (SELECT catena.user_id()))', left(r.relname, 59) || '_own', r.name,
            t.attname) AS policy
    FROM reached r JOIN pg_catalog.pg_attribute t ON t.attrelid = r.oid
    WHERE t.atttypid = 'uuid'::regtype AND t.attnum > 0
        AND t.attname IN ('owner_id', 'user_id', 'account_id', 'profile_id', 'author_id', 'owner', 'created_by')
    ORDER BY r.oid, t.attnum
)

SELECT 'production' AS level,
    CASE
        WHEN r.relispartition THEN format('requests may %s %s by its own name, past the policies of the table that it '
            'is a partition of', rights, name)
        WHEN r.relrowsecurity THEN format('requests may %s %s, but it has no policy that shows them a row', rights, name)
        ELSE format('requests may %s %s, all of it: it has no row-level security', rights, name)
    END || unless AS what,
    CASE
        WHEN r.relispartition THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name)
        WHEN r.relrowsecurity THEN coalesce(own.policy, revoke)
        WHEN r.has_policy THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name)
        WHEN own.policy IS NOT NULL THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY; %s', name, own.policy)
        ELSE revoke
    END AS mend
FROM reached r LEFT JOIN own USING (oid)
WHERE r.relkind IN ('r', 'p')
    -- Without a policy, a partition shows rows by the name of its table alone, under that one's policies.
    AND NOT (r.relrowsecurity AND (r.has_policy OR r.relispartition))

UNION ALL
SELECT 'production',
    format('requests may %s the %s %s, which no policy can guard', rights, lower(kind), name) || unless,
    revoke
FROM reached WHERE relkind IN ('m', 'f')

UNION ALL
-- It reads as its owner, who is under no policy of what is its own.
SELECT 'production',
    format('requests may %s the view %s, which shows what its owner, %I, may see', rights, name,
        pg_get_userbyid(relowner)) || unless,
    CASE WHEN current_setting('server_version_num')::int >= 150000
        THEN format('ALTER VIEW %s SET (security_invoker = true)', name) ELSE revoke END
FROM reached r
WHERE relkind = 'v'
    AND NOT EXISTS (
        SELECT FROM pg_options_to_table(r.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean
    )
    AND (
        EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.oid = r.relowner AND (o.rolsuper OR o.rolbypassrls))
        OR EXISTS (SELECT FROM relations t WHERE t.relkind IN ('r', 'p', 'm', 'f') AND t.relowner = r.relowner)
    )

UNION ALL
SELECT 'production',
    format('requests may %s %s, which no policy guards', string_agg(DISTINCT "right", ', '), r.name),
    format('REVOKE %s ON %s FROM %s', string_agg(DISTINCT "right", ', '), r.name, string_agg(DISTINCT grantee, ', '))
FROM granted JOIN relations r USING (oid)
WHERE NOT is_of_rows
GROUP BY r.name

UNION ALL
SELECT 'production',
    format('requests may call %s.%I, which acts as its owner, %I, and looks for tables where its caller says',
        quote_ident(n.nspname), p.proname, pg_get_userbyid(p.proowner)),
    format('ALTER ROUTINE %I.%I(%s) SET search_path = pg_catalog, %I, pg_temp', n.nspname, p.proname,
        pg_get_function_identity_arguments(p.oid), n.nspname)
FROM web, pg_catalog.pg_proc p JOIN schemas n ON n.oid = p.pronamespace
WHERE p.prosecdef
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search\_path=%')
    AND EXISTS (
        SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        WHERE a.grantee IN (0, web.oid) AND a.grantee <> p.proowner
    )
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
ORDER BY 2
