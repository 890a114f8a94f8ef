-- Passwords and sessions. The role of requests has no right on these tables, only on the functions below: each does
-- one thing, and none lists anything.

CREATE TABLE catena.passwords (
    user_id uuid PRIMARY KEY,
    identity text NOT NULL UNIQUE CHECK (length(identity) BETWEEN 1 AND 320),
    hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE catena.sessions (
    -- SHA-256 of the token: who reads this table cannot sign in with what it holds.
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    idle interval NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON catena.sessions (user_id);
CREATE INDEX sessions_expiry ON catena.sessions (expires_at);

-- Adds a password for a new account; fails with a unique violation when the identity is taken.
CREATE FUNCTION catena.password_create(user_id uuid, identity text, hash text) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO catena.passwords (user_id, identity, hash) VALUES ($1, $2, $3) RETURNING user_id $$;

-- The account of an identity.
CREATE FUNCTION catena.password_user(identity text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.user_id FROM catena.passwords p WHERE p.identity = $1 $$;

-- The password hash of an identity.
CREATE FUNCTION catena.password_hash(identity text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.hash FROM catena.passwords p WHERE p.identity = $1 $$;

-- Opens a session; both times are in seconds. Returns when it ends at the latest.
CREATE FUNCTION catena.session_create(token_hash bytea, user_id uuid, idle integer, lifetime integer)
RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO catena.sessions (token_hash, user_id, idle, expires_at)
    VALUES ($1, $2, make_interval(secs => $3), now() + make_interval(secs => $4))
    RETURNING expires_at
$$;

-- The user of a session that has not ended. Notes that it was used, at most once a minute, never in a read-only
-- transaction, and without waiting for another request that is noting it.
CREATE FUNCTION catena.session_user(token_hash bytea) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found catena.sessions;
BEGIN
    SELECT s.* INTO found FROM catena.sessions s
    WHERE s.token_hash = $1 AND s.expires_at > now() AND s.seen_at > now() - s.idle;
    IF found.seen_at < now() - interval '1 minute' AND current_setting('transaction_read_only') = 'off' THEN
        UPDATE catena.sessions s SET seen_at = now()
        WHERE s.token_hash = (
            SELECT t.token_hash FROM catena.sessions t WHERE t.token_hash = $1 FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN found.user_id;
END
$$;

-- Ends a session; returns whose it was.
CREATE FUNCTION catena.session_delete(token_hash bytea) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM catena.sessions s WHERE s.token_hash = $1 RETURNING s.user_id $$;

-- Requests may do each of these things, and nothing else to the tables. `catena.session_user` tells no more than whose
-- a token is to who already has it.
DO $$
DECLARE
    function text;
BEGIN
    FOREACH function IN ARRAY ARRAY[
        'password_create(uuid, text, text)', 'password_user(text)', 'password_hash(text)',
        'session_create(bytea, uuid, integer, integer)', 'session_user(bytea)', 'session_delete(bytea)'
    ] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION catena.%s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION catena.%s TO %I', function, current_setting('catena.web_role'));
    END LOOP;
    EXECUTE format('REVOKE ALL ON catena.passwords, catena.sessions FROM %I', current_setting('catena.jobs_role'));
END
$$;
