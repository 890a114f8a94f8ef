-- The ground that everything in the schema `catena` stands on.
--
-- Migrations run as the owner. The names of the other two roles differ from one application to the next, so they are
-- settings of the session: `catena.web_role` and `catena.jobs_role`.

-- Whom the transaction acts for. Policies write `(SELECT catena.user_id())`, which runs once a query and not once a row.
-- After a transaction that set it, the setting is empty, not null.
CREATE FUNCTION catena.user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('catena.user_id', true), '')::uuid;

COMMENT ON FUNCTION catena.user_id() IS 'The signed-in user of this transaction, or null.';

-- Jobs may do with the house's tables what the engine does. The web role gets nothing by itself: whatever it may do
-- here is granted where the table or the function is made.
DO $$
DECLARE
    web text := current_setting('catena.web_role');
    jobs text := current_setting('catena.jobs_role');
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA catena TO %I, %I', web, jobs);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION catena.user_id() FROM PUBLIC');
    EXECUTE format('GRANT EXECUTE ON FUNCTION catena.user_id() TO %I, %I', web, jobs);
    EXECUTE 'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC';
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA catena '
        'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO %I', jobs);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA catena GRANT USAGE, SELECT ON SEQUENCES TO %I', jobs);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA catena GRANT EXECUTE ON ROUTINES TO %I', jobs);
END
$$;
