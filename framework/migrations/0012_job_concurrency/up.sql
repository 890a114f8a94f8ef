-- No more jobs of one key run at once than their kind allows, in however many processes: jobs with a concurrency key are
-- claimed by `claim_keyed` alone, and those that find no room are blocked, in state 6, until `unblock` finds some.
--
-- Whoever has the advisory lock of a key decides which of its jobs run and which are blocked; what was decided before is
-- committed when the lock is given. `claim_keyed` passes keys by whose lock somebody has, `unblock` waits for them in
-- their order: nobody can wait for a lock and keep one from whoever has it.

-- The keyed jobs that wait, in the order in which they are claimed. The condition is not `state = 0`, so that no plan
-- takes `jobs_claim`, which holds all other jobs too, for this one.
CREATE INDEX jobs_keyed ON catena.jobs (queue, priority, run_at, id) WHERE state < 1 AND concurrency_key IS NOT NULL;

-- The number of a key's advisory lock. Two keys with one number would only wait for each other.
CREATE FUNCTION catena.lock_of(key bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || encode(substr(key, 1, 8), 'hex'))::bit(64)::bigint $$;

-- Has the first blocked jobs of these keys wait for a claim again, as many of each as there is room for beside those that
-- run; `most` says of each kind how many may. Returns how many do.
CREATE FUNCTION catena.unblock(keys bytea[], kinds text[], most int[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    unblocked bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(l.number)
    FROM (SELECT DISTINCT catena.lock_of(k.key) AS number FROM unnest(keys) AS k(key) ORDER BY 1) l;
    UPDATE catena.jobs SET state = 0
    WHERE id = ANY(ARRAY(
        SELECT b.id
        FROM unnest(keys) AS k(key)
        CROSS JOIN LATERAL (
            SELECT j.kind FROM catena.jobs j
            WHERE j.concurrency_key = k.key AND j.state = 6
            ORDER BY j.priority, j.run_at, j.id LIMIT 1
        ) head
        JOIN unnest(kinds, most) AS m(kind, most) ON m.kind = head.kind
        CROSS JOIN LATERAL (
            SELECT j.id FROM catena.jobs j
            WHERE j.concurrency_key = k.key AND j.state = 6
            ORDER BY j.priority, j.run_at, j.id
            LIMIT greatest(m.most - (
                SELECT count(*) FROM catena.jobs r WHERE r.concurrency_key = k.key AND r.state = 1 AND r.concurrency_key IS NOT NULL
            ), 0)
            FOR UPDATE SKIP LOCKED
        ) b
    ));
    GET DIAGNOSTICS unblocked = ROW_COUNT;
    RETURN unblocked;
END
$$;

-- Unblocks jobs of the keys `freed`, then claims due jobs that have a key: of these kinds and, of each kind, no newer
-- version; of each key, in the order in which jobs are claimed, as many as there is room for. It looks at a few times as
-- many as it may claim, of at most 200 keys, and blocks those that find no room. Then it looks at the next thousand for what
-- it may still claim, up to ten times.
CREATE FUNCTION catena.claim_keyed(
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
