-- What the roles of requests ($1) and jobs ($2) may beyond what they need, and what they lack. A role that cannot log
-- in is null. Rows: how bad it is, what it is, and the SQL that mends it.
WITH names AS (SELECT $1::text AS web, $2::text AS jobs),
web AS (
    SELECT * FROM pg_catalog.pg_roles WHERE rolname = (SELECT web FROM names)
),
logins AS (
    SELECT 'requests' AS who, true AS is_web, r.* FROM pg_catalog.pg_roles r WHERE r.rolname = (SELECT web FROM names)
    UNION ALL
    SELECT 'jobs', false, r.* FROM pg_catalog.pg_roles r WHERE r.rolname = (SELECT jobs FROM names) AND r.rolname IS DISTINCT FROM (SELECT web FROM names)
),
-- Who should own what these roles do not.
owner AS (
    SELECT coalesce(
        (SELECT pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = 'catena'),
        (SELECT pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = current_database())
    ) AS name
),
house AS (
    SELECT p.oid, p.proname, format('catena.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
        coalesce(p.proacl, acldefault('f', p.proowner)) AS acl,
        -- What requests call, and nothing else of the schema.
        p.proname IN (
            'enqueue', 'enqueue_batch', 'password_change', 'password_create', 'password_find', 'password_rehash',
            'password_reset', 'session_account', 'session_create', 'session_delete', 'session_end', 'session_list',
            'session_user', 'token_identity', 'token_use', 'user_id'
        ) AS for_web
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'catena'
)

SELECT 'fault' AS level,
    format('requests and jobs log in as one role, %I; the one must be under row-level security, and the other past it',
        web.rolname) AS what,
    'set DATABASE_URL and DATABASE_JOBS_URL to the URLs of two roles, as the command `roles` makes them' AS mend
FROM web JOIN names ON web.rolname = names.jobs

UNION ALL
-- Attributes.
SELECT CASE WHEN is_web AND a.passes THEN 'fault' ELSE 'production' END,
    format('the role of %s, %I, is %s: %s', who, rolname, a.attribute, a.why),
    format('ALTER ROLE %I NO%s%s', rolname, a.attribute,
        CASE WHEN rolsuper AND NOT is_web AND a.attribute = 'SUPERUSER' THEN ' BYPASSRLS' END)
FROM logins, LATERAL (VALUES
    ('SUPERUSER', rolsuper, true, 'it passes row-level security, and may do anything on the server'),
    ('BYPASSRLS', rolbypassrls AND is_web, true, 'it passes row-level security, so requests would see every row'),
    ('CREATEROLE', rolcreaterole, false, 'it could make itself a role that may more'),
    ('CREATEDB', rolcreatedb, false, 'it has no database to make'),
    ('REPLICATION', rolreplication, false, 'it could copy the whole server')
) AS a (attribute, has, passes, why)
WHERE a.has

UNION ALL
-- What it owns: of that it is under no policy, and may change it.
SELECT 'production',
    format('the role of %s, %I, owns %s%s: an owner is under no policy, and may change what it owns', who, rolname,
        o.first, CASE WHEN o.number > 3 THEN format(' and %s more', o.number - 3) END),
    format('REASSIGN OWNED BY %I TO %I', rolname, owner.name)
FROM logins, owner, LATERAL (
    SELECT count(*) AS number, string_agg(thing, ', ' ORDER BY thing) FILTER (WHERE place <= 3) AS first
    FROM (
        SELECT thing, row_number() OVER (ORDER BY thing) AS place
        FROM pg_catalog.pg_shdepend d,
            LATERAL pg_describe_object(d.classid, d.objid, d.objsubid) AS thing,
            LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS known
        WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.refobjid = logins.oid AND d.deptype = 'o'
            AND d.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
            -- What it would grant of what it makes; and large objects, which anybody may make and nobody else sees.
            AND d.classid NOT IN ('pg_catalog.pg_default_acl'::regclass, 'pg_catalog.pg_largeobject'::regclass)
            -- Tables of a session that is open.
            AND coalesce(known.schema, '') NOT LIKE 'pg\_temp%'
    ) AS owned
) AS o
WHERE o.number > 0

UNION ALL
SELECT 'production',
    format('the role of requests, %I, is a member of %I, and may do what that role may', web.rolname, g.rolname),
    format('REVOKE %I FROM %I', g.rolname, web.rolname)
FROM web JOIN pg_catalog.pg_auth_members m ON m.member = web.oid JOIN pg_catalog.pg_roles g ON g.oid = m.roleid

UNION ALL
SELECT 'production',
    format('the role of requests, %I, may make tables and functions in the schema %I, in the place of others',
        max(web.rolname), n.nspname),
    format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname,
        string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(web.rolname) END, ', '))
FROM web, pg_catalog.pg_namespace n, aclexplode(n.nspacl) a
WHERE a.privilege_type = 'CREATE' AND a.grantee IN (0, web.oid) AND a.grantee <> n.nspowner
    AND n.nspname NOT LIKE 'pg\_%'
GROUP BY n.nspname

UNION ALL
SELECT 'production',
    format('the role of requests, %I, may %s in the database %I', max(web.rolname),
        CASE a.privilege_type WHEN 'CREATE' THEN 'make schemas'
            ELSE 'make temporary tables, which hide others from later requests' END,
        d.datname),
    format('REVOKE %s ON DATABASE %I FROM %s', a.privilege_type, d.datname,
        string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(web.rolname) END, ', '))
FROM web, pg_catalog.pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE d.datname = current_database() AND a.privilege_type IN ('CREATE', 'TEMPORARY') AND a.grantee IN (0, web.oid)
    AND a.grantee <> d.datdba
GROUP BY d.datname, a.privilege_type

UNION ALL
-- Credentials, the queue: requests reach them by functions alone.
SELECT 'production',
    format('the role of requests, %I, may %s %s, which belongs to catena', max(web.rolname),
        string_agg(DISTINCT a.privilege_type, ', '), c.oid::regclass),
    format('REVOKE ALL ON %s%s FROM %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' END, c.oid::regclass,
        string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(web.rolname) END, ', '))
FROM web, pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT * FROM aclexplode(c.relacl)
    UNION ALL
    SELECT x.* FROM pg_catalog.pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid
) AS a
WHERE n.nspname = 'catena' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND a.grantee IN (0, web.oid)
    AND a.grantee <> c.relowner
GROUP BY c.oid, c.relkind

UNION ALL
SELECT 'production',
    format('the role of requests, %I, may call %s, which is not for it', max(web.rolname), house.name),
    format('REVOKE EXECUTE ON FUNCTION %s FROM %s', house.name,
        string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(web.rolname) END, ', '))
FROM web, house, aclexplode(house.acl) a
WHERE NOT house.for_web AND a.grantee IN (0, web.oid)
GROUP BY house.name

UNION ALL
-- What they lack, as roles do that came after the migrations.
SELECT 'fault', format('the role of %s, %I, may not use the schema catena', who, rolname),
    format('GRANT USAGE ON SCHEMA catena TO %I', rolname)
FROM logins, pg_catalog.pg_namespace n
WHERE n.nspname = 'catena' AND NOT has_schema_privilege(logins.oid, n.oid, 'USAGE')

UNION ALL
SELECT 'fault', format('the role of requests, %I, may not call %s', web.rolname, house.name),
    format('GRANT EXECUTE ON FUNCTION %s TO %I', house.name, web.rolname)
FROM web, house
WHERE house.for_web AND NOT has_function_privilege(web.oid, house.oid, 'EXECUTE')

UNION ALL
SELECT 'fault',
    format('the role of jobs, %I, may not %s %s', rolname, string_agg(needed.right, ', ' ORDER BY needed.right), c.oid::regclass),
    format('GRANT %s ON %s TO %I', string_agg(needed.right, ', ' ORDER BY needed.right), c.oid::regclass, rolname)
FROM logins, pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed ("right")
WHERE NOT is_web AND n.nspname = 'catena' AND c.relname IN ('jobs', 'job_history', 'workers', 'schedules')
    AND NOT has_table_privilege(logins.oid, c.oid, needed.right)
GROUP BY c.oid, rolname
ORDER BY 1, 2
