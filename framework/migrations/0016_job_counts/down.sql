DROP TABLE catena.job_deltas, catena.job_counts;
ALTER TABLE catena.workers DROP COLUMN queues, DROP COLUMN running;

-- Enqueues a batch in one round trip: element i of every array describes the i-th job, and the numbers come in the same
-- order. `run_at` NULL means now; `delay_ms` is added to it. Arrays with a default may be NULL as a whole, as may their
-- elements. The arguments are not trusted.
--
-- A job with a unique key that is taken is not made: its number is that of the job which has the key. `unique_ms` is how
-- long the key is taken at least; of `unique_rules`, 1 takes it until the start only, and 2 has a job that still waits
-- become the new one. Keys are taken one by one in their order, so that batches which share some cannot deadlock.
CREATE OR REPLACE FUNCTION catena.enqueue(
    kinds text[], args jsonb[], queues text[], priorities smallint[], max_attempts smallint[],
    run_at timestamptz[], delay_ms bigint[], versions smallint[] DEFAULT NULL, batches bigint[] DEFAULT NULL,
    concurrency_keys bytea[] DEFAULT NULL, unique_keys bytea[] DEFAULT NULL, unique_ms bigint[] DEFAULT NULL,
    unique_rules smallint[] DEFAULT NULL
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size int := cardinality(kinds);
    fault text;
    job record;
    new_id bigint;
    held record;
    ids bigint[];
BEGIN
    IF size IS NULL OR size > 10000 THEN
        RAISE EXCEPTION 'a batch holds at most 10000 jobs' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (cardinality(args), cardinality(queues), cardinality(priorities), cardinality(enqueue.max_attempts),
        cardinality(enqueue.run_at), cardinality(delay_ms)) IS DISTINCT FROM (size, size, size, size, size, size)
        OR (size = ALL (ARRAY[cardinality(versions), cardinality(batches), cardinality(concurrency_keys),
            cardinality(unique_keys), cardinality(unique_ms), cardinality(unique_rules)])) IS FALSE THEN
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
        WHEN j.version < 1 THEN 'a version is 1 or more'
        WHEN octet_length(j.concurrency_key) <> 16 OR octet_length(j.unique_key) <> 16 THEN 'a key has 16 bytes'
        WHEN j.unique_ms NOT BETWEEN 0 AND 315576000000 THEN 'a key is taken for 0 to 10 years'
        WHEN j.unique_rules NOT BETWEEN 0 AND 3 THEN 'the rules of a key are 0 to 3'
        END INTO fault
    FROM unnest(kinds, args, queues, priorities, enqueue.max_attempts, enqueue.run_at, delay_ms, versions,
        concurrency_keys, unique_keys, enqueue.unique_ms, enqueue.unique_rules)
        AS j(kind, arg, queue, priority, tries, due, ms, version, concurrency_key, unique_key, unique_ms, unique_rules)
    ORDER BY 1 NULLS LAST LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '%', fault USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF unique_keys IS NULL THEN
        RETURN QUERY
            INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, enqueued_by, version, batch,
                concurrency_key)
            SELECT j.kind, j.arg, j.queue, j.priority, j.tries,
                coalesce(j.due, clock_timestamp()) + j.ms * interval '1 millisecond', catena.user_id(),
                coalesce(j.version, 1), j.batch, j.concurrency_key
            FROM unnest(kinds, args, queues, priorities, enqueue.max_attempts, enqueue.run_at, delay_ms, versions, batches,
                concurrency_keys)
                WITH ORDINALITY AS j(kind, arg, queue, priority, tries, due, ms, version, batch, concurrency_key, n)
            ORDER BY j.n
            RETURNING id;
        RETURN;
    END IF;
    FOR job IN
        SELECT u.kind, u.arg, u.queue, u.priority, u.tries, u.n::int, coalesce(u.version, 1) AS version, u.batch,
            coalesce(u.due, clock_timestamp()) + u.ms * interval '1 millisecond' AS due,
            u.concurrency_key, u.unique_key, coalesce(u.rules & 1, 0) = 1 AS until_start,
            coalesce(u.rules & 2, 0) = 2 AS replaces, clock_timestamp() + u.unique_ms * interval '1 millisecond' AS expires_at
        FROM unnest(kinds, args, queues, priorities, enqueue.max_attempts, enqueue.run_at, delay_ms, versions, batches,
            concurrency_keys, unique_keys, enqueue.unique_ms, enqueue.unique_rules)
            WITH ORDINALITY AS u(kind, arg, queue, priority, tries, due, ms, version, batch, concurrency_key, unique_key,
                unique_ms, rules, n)
        ORDER BY u.unique_key, u.n
    LOOP
        new_id := nextval('catena.jobs_id_seq');
        LOOP
            EXIT WHEN job.unique_key IS NULL;
            -- Waits for a transaction that has just taken the key: until it commits, nobody knows whether it has it.
            INSERT INTO catena.job_unique (key, job_id, expires_at, until_start)
                VALUES (job.unique_key, new_id, job.expires_at, job.until_start) ON CONFLICT (key) DO NOTHING;
            EXIT WHEN FOUND;
            SELECT u.job_id, u.until_start, u.expires_at > clock_timestamp() AS is_early INTO held
            FROM catena.job_unique u WHERE u.key = job.unique_key;
            CONTINUE WHEN NOT FOUND;
            IF job.replaces THEN
                UPDATE catena.jobs w
                SET args = job.arg, version = job.version, priority = job.priority, run_at = job.due, max_attempts = job.tries,
                    attempt = 0, concurrency_key = job.concurrency_key, enqueued_by = catena.user_id(),
                    state = CASE w.state WHEN 6 THEN 0 ELSE w.state END
                WHERE w.id = held.job_id AND w.state IN (0, 5, 6) AND w.cancel_at IS NULL
                    AND (w.claimed_at IS NULL OR NOT held.until_start);
            END IF;
            IF NOT (job.replaces AND FOUND) AND held.is_early IS NOT TRUE THEN
                IF held.until_start THEN
                    -- The lock has the job begin after this transaction, which may count on that.
                    PERFORM FROM catena.jobs w
                    WHERE w.id = held.job_id AND w.claimed_at IS NULL AND w.state <> 4 AND w.cancel_at IS NULL
                    FOR KEY SHARE;
                ELSE
                    PERFORM FROM catena.jobs w WHERE w.id = held.job_id AND w.state <> 4;
                END IF;
                IF NOT FOUND THEN
                    UPDATE catena.job_unique u
                    SET job_id = new_id, expires_at = job.expires_at, until_start = job.until_start
                    WHERE u.key = job.unique_key AND u.job_id = held.job_id;
                    EXIT WHEN FOUND;
                    CONTINUE;
                END IF;
            END IF;
            new_id := NULL;
            ids[job.n] := held.job_id;
            EXIT;
        END LOOP;
        CONTINUE WHEN new_id IS NULL;
        ids[job.n] := new_id;
        INSERT INTO catena.jobs (id, kind, args, queue, priority, max_attempts, run_at, enqueued_by, version, batch,
                concurrency_key, unique_key)
            OVERRIDING SYSTEM VALUE
            VALUES (new_id, job.kind, job.arg, job.queue, job.priority, job.tries, job.due, catena.user_id(), job.version,
                job.batch, job.concurrency_key, job.unique_key);
    END LOOP;
    RETURN QUERY SELECT unnest(ids);
END
$$;

-- Unblocks jobs of the keys `freed`, then claims due jobs that have a key: of these kinds and, of each kind, no newer
-- version; of each key, in the order in which jobs are claimed, as many as there is room for. It looks at a few times as
-- many as it may claim, of at most 200 keys, and blocks those that find no room. Then it looks at the next thousand for what
-- it may still claim, up to ten times.
CREATE OR REPLACE FUNCTION catena.claim_keyed(
    freed bytea[], queues text[], slots int[], most_jobs int, kinds text[], most int[], versions smallint[],
    worker_id bigint
) RETURNS SETOF catena.jobs
LANGUAGE plpgsql AS $$
DECLARE
    looks int := least(greatest(4 * most_jobs, 100), 1000);
    keys bytea[];
    fitting bigint[];
    late bigint[];
BEGIN
    -- The lock keeps the rescuer from declaring the process dead between the claim and its commit.
    PERFORM FROM catena.workers w WHERE w.id = worker_id FOR KEY SHARE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF freed <> '{}' THEN
        PERFORM catena.unblock(freed, kinds, most);
    END IF;
    IF most_jobs < 1 THEN
        RETURN;
    END IF;
    SELECT array_agg(q.name ORDER BY q.n), array_agg(q.slots ORDER BY q.n) INTO queues, slots
    FROM unnest(queues, slots) WITH ORDINALITY AS q(name, slots, n)
    WHERE NOT EXISTS (SELECT FROM catena.paused_queues p WHERE p.name = q.name);

    FOR round IN 1..10 LOOP
        SELECT array_agg(d.key) INTO keys
        FROM (
            SELECT DISTINCT due.key FROM (
                SELECT first.key
                FROM unnest(queues) AS q(name)
                CROSS JOIN unnest('{0,1,2,3}'::smallint[]) AS p(priority)
                CROSS JOIN LATERAL (
                    SELECT j.concurrency_key AS key FROM catena.jobs j
                    WHERE j.queue = q.name AND j.priority = p.priority AND j.state < 1 AND j.concurrency_key IS NOT NULL
                        AND j.run_at <= now() AND j.cancel_at IS NULL
                        AND j.version <= (SELECT k.version FROM unnest(kinds, versions) AS k(kind, version) WHERE k.kind = j.kind)
                    ORDER BY j.run_at, j.id LIMIT looks
                ) first
                LIMIT looks
            ) due
            LIMIT 200
        ) d
        WHERE pg_try_advisory_xact_lock(catena.lock_of(d.key));
        EXIT WHEN keys IS NULL;

        -- Only now does nobody else begin or block a job of these keys.
        WITH ready AS MATERIALIZED (
            SELECT first.*, q.n, q.slots
            FROM unnest(queues, slots) WITH ORDINALITY AS q(name, slots, n)
            CROSS JOIN unnest('{0,1,2,3}'::smallint[]) AS p(priority)
            CROSS JOIN LATERAL (
                SELECT j.id, j.concurrency_key AS key, j.kind, j.priority, j.run_at FROM catena.jobs j
                WHERE j.queue = q.name AND j.priority = p.priority AND j.state < 1 AND j.concurrency_key IS NOT NULL
                    AND j.run_at <= now() AND j.cancel_at IS NULL AND j.concurrency_key = ANY(keys)
                    AND j.version <= (SELECT k.version FROM unnest(kinds, versions) AS k(kind, version) WHERE k.kind = j.kind)
                ORDER BY j.run_at, j.id LIMIT looks FOR UPDATE SKIP LOCKED
            ) first
            LIMIT looks
        ), ranked AS (
            SELECT r.*, row_number() OVER (PARTITION BY r.key ORDER BY r.priority, r.run_at, r.id) <= k.room AS fits
            FROM ready r
            CROSS JOIN LATERAL (
                SELECT m.most - (
                    SELECT count(*) FROM catena.jobs o
                    WHERE o.concurrency_key = r.key AND o.state = 1 AND o.concurrency_key IS NOT NULL
                ) AS room
                FROM unnest(kinds, claim_keyed.most) AS m(kind, most) WHERE m.kind = r.kind
            ) k
        ), placed AS (
            SELECT r.*, row_number() OVER (PARTITION BY r.n ORDER BY r.priority, r.run_at, r.id) AS nth
            FROM ranked r WHERE r.fits
        )
        SELECT ARRAY(SELECT p.id FROM placed p WHERE p.nth <= p.slots ORDER BY p.n, p.nth LIMIT most_jobs),
            ARRAY(SELECT r.id FROM ranked r WHERE NOT r.fits)
        INTO fitting, late;

        IF late <> '{}' THEN
            UPDATE catena.jobs SET state = 6 WHERE id = ANY(late);
        END IF;
        IF fitting <> '{}' THEN
            RETURN QUERY
                UPDATE catena.jobs j
                SET state = 1, attempt = j.attempt + 1, lease = (SELECT nextval('catena.job_lease_seq')),
                    worker = worker_id, claimed_at = now()
                WHERE j.id = ANY(fitting)
                RETURNING j.*;
        END IF;
        EXIT WHEN late = '{}' OR cardinality(fitting) >= most_jobs;
        most_jobs := most_jobs - cardinality(fitting);
        SELECT array_agg(q.slots - (SELECT count(*) FROM catena.jobs j WHERE j.id = ANY(fitting) AND j.queue = q.name)
            ORDER BY q.n) INTO slots
        FROM unnest(queues, slots) WITH ORDINALITY AS q(name, slots, n);
        looks := 1000;
    END LOOP;
END
$$;
