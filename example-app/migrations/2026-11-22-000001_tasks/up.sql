-- Who uses the service. The e-mail address and the password to sign in with are credentials, which the framework
-- keeps; this is what other tables refer to.
CREATE TABLE profiles (
    id uuid PRIMARY KEY DEFAULT catena.user_id(),
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id uuid NOT NULL DEFAULT catena.user_id() REFERENCES profiles (id) ON DELETE CASCADE,
    title text NOT NULL,
    notes text,
    done_at timestamptz,
    due_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tasks_owner ON tasks (owner_id, created_at, id);
CREATE INDEX tasks_done ON tasks (done_at) WHERE done_at IS NOT NULL;

-- Requests see and touch the rows of who is signed in, and no others. Jobs see all.
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY profiles_own ON profiles USING (id = (SELECT catena.user_id()));
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY tasks_own ON tasks USING (owner_id = (SELECT catena.user_id()));

-- What anyone may know: numbers, and no rows.
CREATE FUNCTION count_tasks() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT count(*) FROM public.tasks $$;

CREATE FUNCTION count_done() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT count(*) FROM public.tasks WHERE done_at IS NOT NULL $$;
