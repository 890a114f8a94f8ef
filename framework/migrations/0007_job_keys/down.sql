DROP FUNCTION catena.enqueue;
DROP TABLE catena.job_unique;
-- What is blocked or crashed would wait for ever.
UPDATE catena.jobs SET state = 0 WHERE state IN (5, 6);
DROP INDEX catena.jobs_running_key, catena.jobs_blocked;
ALTER TABLE catena.jobs
    DROP COLUMN crashes, DROP COLUMN version, DROP COLUMN batch, DROP COLUMN concurrency_key, DROP COLUMN unique_key;

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
