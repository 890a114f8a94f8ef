CREATE TABLE members (
    id uuid PRIMARY KEY DEFAULT catena.user_id(),
    role text NOT NULL DEFAULT 'member',
    verified_at timestamptz
);
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
CREATE POLICY members_own ON members USING (id = (SELECT catena.user_id()));

-- Keys of programs, which sign in with nothing else. Whoever has a key learns whose it is.
CREATE TABLE api_keys (
    key_hash bytea PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members ON DELETE CASCADE
);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY api_keys_own ON api_keys USING (member_id = (SELECT catena.user_id()));

CREATE FUNCTION member_of_key(key text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT k.member_id FROM public.api_keys k WHERE k.key_hash = sha256(convert_to($1, 'UTF8')) $$;
