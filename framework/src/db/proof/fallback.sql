-- Where the role of jobs ($2) is under row-level security: each table that hides rows from it, with the SQL that shows
-- them. A role that passes row-level security, as it should where that can be had, needs none of it. Rows: how bad it
-- is, what it is, the SQL, and whether migrations run that SQL, as they do where the table is theirs.
WITH names AS (SELECT $1::text AS web, $2::text AS jobs),
jobs AS (
    SELECT r.* FROM pg_catalog.pg_roles r, names
    -- Were it the role of requests, they would see every row too.
    WHERE r.rolname = names.jobs AND names.jobs IS DISTINCT FROM names.web AND NOT r.rolsuper AND NOT r.rolbypassrls
),
tables AS (
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, pg_has_role(c.relowner, 'USAGE') AS is_ours
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, jobs
    WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND n.nspname NOT LIKE 'pg\_%'
        AND has_any_column_privilege(jobs.oid, c.oid, 'SELECT, INSERT, UPDATE')
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
)
SELECT 'fault' AS level,
    format('jobs would not see all of %s: their role, %I, is under row-level security, and the table has no policy '
        'catena_jobs for it, which `migrate` makes', t.name, jobs.rolname) AS what,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = t.oid AND p.polname = 'catena_jobs')
        THEN format('DROP POLICY catena_jobs ON %s; ', t.name) ELSE '' END
    || format('CREATE POLICY catena_jobs ON %s TO %I USING (true) WITH CHECK (true)', t.name, jobs.rolname) AS mend,
    t.is_ours AS by_migrations
FROM tables t, jobs
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_policy p
    WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd = '*' AND p.polroles && ARRAY[0, jobs.oid]
        AND pg_get_expr(p.polqual, p.polrelid) = 'true'
        AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
)
UNION ALL
SELECT 'fault',
    format('jobs would not see all of %s: the restrictive policy %I reaches their role, %I', t.name, p.polname,
        jobs.rolname),
    format('ALTER POLICY %I ON %s TO %s', p.polname, t.name, coalesce(
        (SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_catalog.pg_roles r
            WHERE r.oid = ANY (p.polroles) AND r.oid <> jobs.oid AND NOT 0 = ANY (p.polroles)),
        quote_ident((SELECT web FROM names))
    )),
    false
FROM tables t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid, jobs
WHERE NOT p.polpermissive AND p.polroles && ARRAY[0, jobs.oid]
ORDER BY 2
