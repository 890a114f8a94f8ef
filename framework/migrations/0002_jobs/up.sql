-- The job queue. The jobs role reads and writes these tables; the web role may only execute `catena.enqueue`.

CREATE SEQUENCE catena.job_lease_seq;

-- One row a process that works on jobs. A process whose row is gone can claim nothing.
CREATE TABLE catena.workers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at timestamptz NOT NULL DEFAULT now()
);

-- The hot table: jobs that wait, run, or were given up. Finished ones move to `job_history`.
-- Every further index costs a quarter of the throughput; `id` in the claim index saves a sort.
CREATE TABLE catena.jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Drawn anew by every claim: what a process writes about a job counts only while it holds the job's lease.
    lease bigint,
    worker bigint,
    claimed_at timestamptz,
    -- When the job was given up.
    finished_at timestamptz,
    enqueued_by uuid,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL CHECK (max_attempts > 0),
    -- 0 waiting, 1 executing, 4 discarded; `job_history` has 2 completed, 3 cancelled.
    state smallint NOT NULL DEFAULT 0,
    queue text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    args jsonb NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);
CREATE INDEX jobs_claim ON catena.jobs (queue, priority, run_at, id) WHERE state = 0;

CREATE TABLE catena.job_history (
    finished_at timestamptz NOT NULL,
    id bigint NOT NULL,
    run_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    claimed_at timestamptz,
    worker bigint,
    enqueued_by uuid,
    priority smallint NOT NULL,
    attempt smallint NOT NULL,
    max_attempts smallint NOT NULL,
    state smallint NOT NULL,
    queue text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    args jsonb NOT NULL
) PARTITION BY RANGE (finished_at);
CREATE INDEX job_history_id ON catena.job_history USING brin (id) WITH (pages_per_range = 32);
CREATE INDEX job_history_finished_at ON catena.job_history USING brin (finished_at);
-- For days that no partition was made for, because no process was there to make it.
CREATE TABLE catena.job_history_default PARTITION OF catena.job_history DEFAULT;

-- What went wrong in each failed attempt.
CREATE TABLE catena.job_errors (
    job_id bigint NOT NULL,
    attempt smallint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    error text NOT NULL
);
CREATE INDEX job_errors_job_id ON catena.job_errors (job_id);
CREATE INDEX job_errors_at ON catena.job_errors USING brin (at);

-- One row a job with a cron expression.
CREATE TABLE catena.schedules (
    kind text COLLATE "C" PRIMARY KEY,
    cron text NOT NULL,
    next_at timestamptz NOT NULL,
    fired_at timestamptz
);

-- Enqueues a batch in one round trip: element i of every array describes the i-th job, and the ids come in the same
-- order. `run_at` NULL means now; `delay_ms` is added to it. The arguments are not trusted.
CREATE FUNCTION catena.enqueue(
    kinds text[], args jsonb[], queues text[], priorities smallint[], max_attempts smallint[],
    run_at timestamptz[], delay_ms bigint[]
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size int := cardinality(kinds);
    fault text;
BEGIN
    IF size IS NULL OR size > 10000 THEN
        RAISE EXCEPTION 'a batch holds at most 10000 jobs' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (cardinality(args), cardinality(queues), cardinality(priorities), cardinality(enqueue.max_attempts),
        cardinality(enqueue.run_at), cardinality(delay_ms)) IS DISTINCT FROM (size, size, size, size, size, size) THEN
        RAISE EXCEPTION 'the arrays of a batch have one length' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT CASE
        WHEN (octet_length(j.kind) BETWEEN 1 AND 200) IS NOT TRUE THEN 'a kind has 1 to 200 bytes'
        WHEN (octet_length(j.queue) BETWEEN 1 AND 100) IS NOT TRUE THEN 'a queue''s name has 1 to 100 bytes'
        WHEN j.arg IS NULL OR pg_column_size(j.arg) > 1048576 THEN 'arguments have at most 1 MiB'
        WHEN (j.priority BETWEEN 0 AND 3) IS NOT TRUE THEN 'a priority is 0, 1, 2 or 3'
        WHEN (j.tries BETWEEN 1 AND 32767) IS NOT TRUE THEN 'a job has 1 to 32767 attempts'
        WHEN (j.ms BETWEEN 0 AND 315576000000) IS NOT TRUE THEN 'a delay is from 0 to 10 years'
        WHEN (coalesce(j.due, now()) BETWEEN '2000-01-01 00:00:00+00' AND '9000-01-01 00:00:00+00') IS NOT TRUE
            THEN 'a job runs between the years 2000 and 9000'
        END INTO fault
    FROM unnest(kinds, args, queues, priorities, enqueue.max_attempts, enqueue.run_at, delay_ms)
        AS j(kind, arg, queue, priority, tries, due, ms)
    ORDER BY 1 NULLS LAST LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '%', fault USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
        INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, enqueued_by)
        SELECT j.kind, j.arg, j.queue, j.priority, j.tries,
            coalesce(j.due, clock_timestamp()) + j.ms * interval '1 millisecond', catena.user_id()
        FROM unnest(kinds, args, queues, priorities, enqueue.max_attempts, enqueue.run_at, delay_ms)
            WITH ORDINALITY AS j(kind, arg, queue, priority, tries, due, ms, n)
        ORDER BY j.n
        RETURNING id;
END
$$;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION catena.enqueue TO %I', current_setting('catena.web_role'));
END
$$;

-- Makes the history's partitions of today and the next days, and drops those older than `keep_days`.
-- The tables' owner must do this, so the jobs role calls it; only one call works at a time.
CREATE FUNCTION catena.rotate_job_history(keep_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC'
AS $$
DECLARE
    day date;
    old regclass;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('catena.rotate_job_history')) THEN
        RETURN;
    END IF;
    FOR day IN SELECT generate_series(current_date, current_date + 3, interval '1 day')::date LOOP
        CONTINUE WHEN to_regclass('catena.job_history_' || to_char(day, 'YYYYMMDD')) IS NOT NULL;
        BEGIN
            EXECUTE format(
                'CREATE TABLE catena.%I PARTITION OF catena.job_history FOR VALUES FROM (%L) TO (%L)',
                'job_history_' || to_char(day, 'YYYYMMDD'), day::timestamptz, (day + 1)::timestamptz
            );
        EXCEPTION WHEN check_violation THEN
            -- The default partition already holds jobs of that day; it keeps them.
            NULL;
        END;
    END LOOP;
    FOR old IN
        SELECT c.oid FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
        WHERE i.inhparent = 'catena.job_history'::regclass AND c.relname ~ '^job_history_[0-9]{8}$'
            AND to_date(right(c.relname, 8), 'YYYYMMDD') < current_date - keep_days
    LOOP
        EXECUTE format('DROP TABLE %s', old);
    END LOOP;
    DELETE FROM catena.job_history_default WHERE finished_at < now() - keep_days * interval '1 day';
END
$$;
SELECT catena.rotate_job_history(7);
