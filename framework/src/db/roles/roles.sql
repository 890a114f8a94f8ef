-- The roles. Each logs in by itself and is a member of nothing: a session cannot change into another one.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY[{owner_name}, {web_name}, {jobs_name}] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I', role);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOCREATEDB NOCREATEROLE', role);
        -- Only a superuser may say this, and only a superuser could have given it.
        IF current_setting('is_superuser') = 'on' THEN
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOREPLICATION NOBYPASSRLS', role);
        END IF;
    END LOOP;
    -- Others make a database for the owner, and say what it grants, as a member of it.
    IF current_setting('is_superuser') = 'off' THEN
        GRANT {owner} TO CURRENT_USER;
    END IF;
    BEGIN
        ALTER ROLE {jobs} BYPASSRLS;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'this login may not give BYPASSRLS: `migrate` will make a policy catena_jobs for % on each table '
            'instead; a superuser may spare that by: ALTER ROLE % BYPASSRLS', {jobs_name}, {jobs_name};
    END;
END
$$;
