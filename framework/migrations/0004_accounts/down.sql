DROP FUNCTION catena.prune_credentials(integer);
DROP FUNCTION catena.password_reset(bytea, text);
DROP FUNCTION catena.password_change(bytea, text, text);
DROP FUNCTION catena.password_changed(uuid);
DROP FUNCTION catena.password_rehash(uuid, text, text);
DROP FUNCTION catena.password_find(text);
DROP FUNCTION catena.token_use(bytea, text);
DROP FUNCTION catena.token_identity(bytea, text);
DROP FUNCTION catena.token_create(text, text, bytea, integer);
DROP FUNCTION catena.session_end(bytea, uuid);
DROP FUNCTION catena.session_list(bytea);
DROP FUNCTION catena.session_account(bytea);
DROP FUNCTION catena.session_create(bytea, uuid, integer, integer, text, timestamptz);
DROP TABLE catena.one_time_tokens;
ALTER TABLE catena.sessions DROP COLUMN id, DROP COLUMN agent;

CREATE FUNCTION catena.password_user(identity text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.user_id FROM catena.passwords p WHERE p.identity = $1 $$;

CREATE FUNCTION catena.password_hash(identity text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.hash FROM catena.passwords p WHERE p.identity = $1 $$;

CREATE FUNCTION catena.session_create(token_hash bytea, user_id uuid, idle integer, lifetime integer)
RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO catena.sessions (token_hash, user_id, idle, expires_at)
    VALUES ($1, $2, make_interval(secs => $3), now() + make_interval(secs => $4))
    RETURNING expires_at
$$;

DO $$
DECLARE
    function text;
BEGIN
    FOREACH function IN ARRAY ARRAY[
        'password_user(text)', 'password_hash(text)', 'session_create(bytea, uuid, integer, integer)'
    ] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION catena.%s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION catena.%s TO %I', function, current_setting('catena.web_role'));
    END LOOP;
END
$$;
