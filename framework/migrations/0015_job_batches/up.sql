-- Batches: jobs that were enqueued together, and perhaps one more that runs when all of them have ended. Of a member the
-- number in `jobs.batch` is that of its batch; of the completion job it is the same below zero, so that its own end is
-- not counted. Until all have ended the completion job has the state 7, which is not in the index from which jobs are
-- claimed.
CREATE TABLE catena.batches (
    -- Drawn by lot: who may enqueue but not look cannot find the batch of somebody else.
    id bigint PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The transaction that makes the batch: only it adds jobs.
    made_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    jobs int NOT NULL DEFAULT 0,
    -- How many of them have ended, and how, as far as `batch_ends` has been added up.
    completed int NOT NULL DEFAULT 0,
    cancelled int NOT NULL DEFAULT 0,
    discarded int NOT NULL DEFAULT 0,
    completion bigint,
    -- When all jobs had ended.
    ended_at timestamptz
);

-- What has ended since it was last added up: `state` is 2 completed, 3 cancelled, 4 discarded. Rows are only ever added
-- by the statements that end jobs, so that these wait for nobody, and taken by whoever adds them up.
CREATE TABLE catena.batch_ends (
    batch bigint NOT NULL,
    state smallint NOT NULL,
    jobs int NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

-- Enqueues the jobs of a batch as `catena.enqueue` does; the last is the completion job if `completes`. Returns the
-- number of the batch, and then those of the jobs. A batch of more jobs than one call takes is given its number again by
-- later calls of the same transaction.
--
-- A job that a unique key keeps from being made does not become a member: it ends for whoever enqueued it first.
CREATE FUNCTION catena.enqueue_batch(
    into_batch bigint, completes boolean,
    kinds text[], args jsonb[], queues text[], priorities smallint[], max_attempts smallint[],
    run_at timestamptz[], delay_ms bigint[], versions smallint[] DEFAULT NULL, concurrency_keys bytea[] DEFAULT NULL,
    unique_keys bytea[] DEFAULT NULL, unique_ms bigint[] DEFAULT NULL, unique_rules smallint[] DEFAULT NULL
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size int := cardinality(kinds);
    members int := size - completes::int;
    number bigint := into_batch;
    lot text := replace(gen_random_uuid()::text, '-', '');
    ids bigint[];
    last bigint;
    has_ended boolean;
BEGIN
    IF members IS NULL OR members < 0 THEN
        RAISE EXCEPTION 'a batch that is completed has a job to do so' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF number IS NULL THEN
        -- Without the digits that are the same in every UUID of this kind.
        number := greatest(('x' || left(lot, 12) || right(lot, 4))::bit(64)::bigint & 9223372036854775807, 1);
        INSERT INTO catena.batches (id) VALUES (number);
    ELSE
        PERFORM FROM catena.batches b WHERE b.id = number AND b.made_by = pg_current_xact_id();
        IF NOT FOUND THEN
            RAISE EXCEPTION 'jobs are added to a batch in the transaction that makes it, and not later'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;

    ids := ARRAY(SELECT catena.enqueue(
        kinds[1:members], args[1:members], queues[1:members], priorities[1:members], max_attempts[1:members],
        run_at[1:members], delay_ms[1:members], versions[1:members], array_fill(number, ARRAY[members]),
        concurrency_keys[1:members], unique_keys[1:members], unique_ms[1:members], unique_rules[1:members]
    ));
    IF completes THEN
        last := catena.enqueue(
            kinds[size:size], args[size:size], queues[size:size], priorities[size:size], max_attempts[size:size],
            run_at[size:size], delay_ms[size:size], versions[size:size], ARRAY[-number],
            concurrency_keys[size:size], unique_keys[size:size], unique_ms[size:size], unique_rules[size:size]
        );
    END IF;
    IF unique_keys IS NOT NULL THEN
        members := count(*) FROM catena.jobs j WHERE j.id = ANY(ids) AND j.batch = number;
    END IF;
    UPDATE catena.batches b
    SET jobs = b.jobs + members, completion = last, ended_at = CASE WHEN b.jobs + members = 0 THEN now() END
    WHERE b.id = number RETURNING ended_at IS NOT NULL INTO has_ended;
    IF NOT has_ended THEN
        UPDATE catena.jobs j SET state = 7 WHERE j.id = last AND j.batch = -number;
    END IF;
    RETURN NEXT number;
    RETURN QUERY SELECT unnest(ids);
    IF completes THEN
        RETURN NEXT last;
    END IF;
END
$$;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION catena.enqueue_batch TO %I', current_setting('catena.web_role'));
END
$$;
