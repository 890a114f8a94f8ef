-- Sessions that are listed and ended, passwords that change, one-time tokens.
--
-- What acts on an account asks for a proof of it: the hash of the token of a live session, or of a one-time token.
-- No function takes a bare user id where a proof would do, so a handler that mistakes one user for another changes
-- nothing.

ALTER TABLE catena.sessions
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    -- What the client called itself.
    ADD COLUMN agent text CHECK (length(agent) <= 256);

-- One a user and purpose: a new one takes the place of the one before.
CREATE TABLE catena.one_time_tokens (
    user_id uuid NOT NULL REFERENCES catena.passwords ON DELETE CASCADE,
    purpose text COLLATE "C" NOT NULL CHECK (length(purpose) BETWEEN 1 AND 50),
    -- SHA-256 of the token.
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
CREATE INDEX one_time_tokens_expiry ON catena.one_time_tokens (expires_at);

DROP FUNCTION catena.password_user(text);
DROP FUNCTION catena.password_hash(text);
DROP FUNCTION catena.session_create(bytea, uuid, integer, integer);

-- --- passwords ---

-- The account of an identity.
CREATE FUNCTION catena.password_find(identity text, OUT user_id uuid, OUT hash text, OUT changed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.user_id, p.hash, p.changed_at FROM catena.passwords p WHERE p.identity = $1 $$;

-- Writes the same password hashed anew, unless it was changed meanwhile.
CREATE FUNCTION catena.password_rehash(user_id uuid, old_hash text, new_hash text) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ UPDATE catena.passwords p SET hash = $3 WHERE p.user_id = $1 AND p.hash = $2 RETURNING p.user_id $$;

-- Ends everything that the old password of a user has opened or could still change: sessions, and tokens for a reset.
-- For the two functions below, once they hold the row of the password.
CREATE FUNCTION catena.password_changed(user_id uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM catena.sessions s WHERE s.user_id = $1;
    DELETE FROM catena.one_time_tokens t WHERE t.user_id = $1 AND t.purpose = 'reset';
$$;

-- Changes the password of a session's user, unless it was changed meanwhile. Ends every session, this one too.
CREATE FUNCTION catena.password_change(session_hash bytea, old_hash text, new_hash text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose uuid := catena.session_user($1);
BEGIN
    UPDATE catena.passwords p SET hash = $3, changed_at = clock_timestamp() WHERE p.user_id = whose AND p.hash = $2;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM catena.password_changed(whose);
    RETURN whose;
END
$$;

-- Uses up a token for a reset, and sets the password of its user. Ends every session.
CREATE FUNCTION catena.password_reset(token_hash bytea, new_hash text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose uuid;
BEGIN
    -- The row first: a log-in with the old password holds it until it has committed its session, or waits for it.
    PERFORM FROM catena.passwords p
    WHERE p.user_id = (SELECT t.user_id FROM catena.one_time_tokens t WHERE t.token_hash = $1)
    FOR NO KEY UPDATE;
    whose := catena.token_use($1, 'reset');
    UPDATE catena.passwords p SET hash = $2, changed_at = clock_timestamp() WHERE p.user_id = whose;
    PERFORM catena.password_changed(whose);
    RETURN whose;
END
$$;

-- --- sessions ---

-- Opens a session; both times are in seconds. Returns when it ends at the latest. `proof` is when the password was
-- changed that was seen to fit: after another change there is no session, and null.
CREATE FUNCTION catena.session_create(
    token_hash bytea, user_id uuid, idle integer, lifetime integer, agent text, proof timestamptz
) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    ends timestamptz;
BEGIN
    IF $6 IS NOT NULL THEN
        PERFORM FROM catena.passwords p WHERE p.user_id = $2 AND p.changed_at = $6 FOR SHARE;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO catena.sessions (token_hash, user_id, idle, expires_at, agent)
    VALUES ($1, $2, make_interval(secs => $3), now() + make_interval(secs => $4), $5)
    RETURNING expires_at INTO ends;
    RETURN ends;
END
$$;

-- The identity and the password's hash of a session's user.
CREATE FUNCTION catena.session_account(token_hash bytea, OUT identity text, OUT hash text)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT p.identity, p.hash FROM catena.passwords p WHERE p.user_id = (SELECT catena.session_user($1)) $$;

-- The live sessions of a session's user, the one used last first.
CREATE FUNCTION catena.session_list(
    token_hash bytea, OUT id uuid, OUT created_at timestamptz, OUT seen_at timestamptz, OUT expires_at timestamptz,
    OUT agent text, OUT is_current boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, s.created_at, s.seen_at, s.expires_at, s.agent, s.token_hash = $1
    FROM catena.sessions s
    WHERE s.user_id = (SELECT catena.session_user($1)) AND s.expires_at > now() AND s.seen_at > now() - s.idle
    ORDER BY s.seen_at DESC, s.id
$$;

-- Ends a session of a session's user: the one with this id, or with null all but the user's own. Returns how many.
CREATE FUNCTION catena.session_end(token_hash bytea, id uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whose uuid := catena.session_user($1);
    ended bigint;
BEGIN
    DELETE FROM catena.sessions s
    WHERE s.user_id = whose AND CASE WHEN $2 IS NULL THEN s.token_hash <> $1 ELSE s.id = $2 END;
    GET DIAGNOSTICS ended = ROW_COUNT;
    RETURN ended;
END
$$;

-- --- one-time tokens ---

-- Makes a token for the account of an identity, valid for `lifetime` seconds, in the place of the one before; returns
-- whose it is, or null without an account. For jobs: requests must not be able to make what they are to be asked for.
CREATE FUNCTION catena.token_create(identity text, purpose text, token_hash bytea, lifetime integer) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO catena.one_time_tokens AS t (user_id, purpose, token_hash, expires_at)
    SELECT p.user_id, $2, $3, clock_timestamp() + make_interval(secs => $4)
    FROM catena.passwords p WHERE p.identity = $1
    ON CONFLICT (user_id, purpose) DO UPDATE
        SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
    RETURNING t.user_id
$$;

-- The identity of the account that a token is for, if the token is valid.
CREATE FUNCTION catena.token_identity(token_hash bytea, purpose text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.identity FROM catena.one_time_tokens t JOIN catena.passwords p USING (user_id)
    WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > now()
$$;

-- Uses a token up; returns whose it was, or null for one that is not valid. Of two at once, one gets it.
CREATE FUNCTION catena.token_use(token_hash bytea, purpose text) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM catena.one_time_tokens t
    WHERE t.token_hash = $1 AND t.purpose = $2 AND t.expires_at > now()
    RETURNING t.user_id
$$;

-- --- keeping house ---

-- Deletes at most so many sessions, and so many tokens, that have expired; returns how many there were.
CREATE FUNCTION catena.prune_credentials(most integer) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH sessions AS (
        DELETE FROM catena.sessions WHERE token_hash = ANY(ARRAY(
            SELECT s.token_hash FROM catena.sessions s WHERE s.expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED
        )) RETURNING 1
    ), tokens AS (
        DELETE FROM catena.one_time_tokens WHERE token_hash = ANY(ARRAY(
            SELECT t.token_hash FROM catena.one_time_tokens t WHERE t.expires_at <= now() LIMIT $1
            FOR UPDATE SKIP LOCKED
        )) RETURNING 1
    )
    SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM tokens)
$$;

-- Requests and jobs may each do what they need, nobody else anything. By default jobs may execute whatever is made in
-- this schema; of the credentials they make tokens and delete what has expired.
DO $$
DECLARE
    web text := current_setting('catena.web_role');
    jobs text := current_setting('catena.jobs_role');
    function text;
BEGIN
    EXECUTE format('REVOKE ALL ON catena.one_time_tokens FROM %I', jobs);
    FOREACH function IN ARRAY ARRAY[
        'password_create', 'password_find', 'password_rehash', 'password_changed', 'password_change',
        'password_reset', 'session_create', 'session_user', 'session_delete', 'session_account', 'session_list',
        'session_end', 'token_create', 'token_identity', 'token_use', 'prune_credentials'
    ] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION catena.%I FROM PUBLIC, %I, %I', function, web, jobs);
        IF function IN ('token_create', 'prune_credentials') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION catena.%I TO %I', function, jobs);
        ELSIF function <> 'password_changed' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION catena.%I TO %I', function, web);
        END IF;
    END LOOP;
END
$$;
