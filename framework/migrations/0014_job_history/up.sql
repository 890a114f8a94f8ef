-- Does one thing that keeps the history in order: makes a partition of today or one of the next three days, moves what
-- fell into the default one to that of its day, deletes or drops what is older than `keep_days`. Returns 'more' if it
-- has done something, 'done' if nothing is left to do, and 'busy' if something is that could not be done now. The
-- tables' owner must do this, so the jobs role calls it; only one call works at a time.
--
-- Somebody who reads the history, in a transaction that lasts, holds every partition; whoever waits for him makes others
-- wait behind himself, and those may be who completes jobs. So nothing here waits for longer than 50 ms, and a partition
-- is attached, which locks the default one against all others, but the history only against the like.
DROP FUNCTION catena.rotate_job_history;
CREATE FUNCTION catena.rotate_job_history(keep_days int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' SET timezone = 'UTC'
AS $$
DECLARE
    first_day date := current_date - keep_days;
    that_day date;
    strays bigint;
    name text;
    old regclass;
    busy boolean := false;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('catena.rotate_job_history')) THEN
        RETURN 'done';
    END IF;
    -- A day with more strays than can be moved at a moment keeps them in the default partition.
    FOR that_day, strays IN
        SELECT coalesce(s.day, a.day), coalesce(s.jobs, 0)
        FROM (SELECT current_date + n AS day FROM generate_series(0, 3) AS n) a
        FULL JOIN (
            SELECT finished_at::date AS day, count(*) AS jobs FROM catena.job_history_default
            WHERE finished_at >= first_day GROUP BY 1
        ) s USING (day)
        WHERE coalesce(s.jobs, 0) <= 50000
        ORDER BY 1
    LOOP
        name := 'job_history_' || to_char(that_day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('catena.' || name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE catena.%I (LIKE catena.job_history INCLUDING ALL)', name);
            IF strays > 0 THEN
                LOCK TABLE catena.job_history_default IN ACCESS EXCLUSIVE MODE;
                EXECUTE format(
                    'WITH moved AS (DELETE FROM catena.job_history_default WHERE finished_at >= %L AND finished_at < %L RETURNING *)
                     INSERT INTO catena.%I SELECT * FROM moved',
                    that_day::timestamptz, (that_day + 1)::timestamptz, name
                );
            END IF;
            -- What is known of the partition need not be looked up row by row.
            EXECUTE format(
                'ALTER TABLE catena.%I ADD CONSTRAINT day CHECK (finished_at >= %L AND finished_at < %L)',
                name, that_day::timestamptz, (that_day + 1)::timestamptz
            );
            EXECUTE format(
                'ALTER TABLE catena.job_history ATTACH PARTITION catena.%I FOR VALUES FROM (%L) TO (%L)',
                name, that_day::timestamptz, (that_day + 1)::timestamptz
            );
            EXECUTE format('ALTER TABLE catena.%I DROP CONSTRAINT day', name);
            RETURN 'more';
        EXCEPTION WHEN lock_not_available OR check_violation THEN
            -- Somebody reads the default partition, or a job of that day has just fallen into it.
            busy := true;
            EXIT;
        END;
    END LOOP;
    DELETE FROM catena.job_history_default WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM catena.job_history_default WHERE finished_at < first_day LIMIT 5000));
    IF FOUND THEN
        RETURN 'more';
    END IF;
    -- First a partition is detached; once that is committed, and completions go on, it is dropped.
    FOR old IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'catena'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^job_history_[0-9]{8}$'
            AND to_date(right(c.relname, 8), 'YYYYMMDD') < first_day
        ORDER BY c.relispartition, c.relname
    LOOP
        BEGIN
            IF (SELECT relispartition FROM pg_class WHERE oid = old) THEN
                EXECUTE format('ALTER TABLE catena.job_history DETACH PARTITION %s', old);
            ELSE
                EXECUTE format('DROP TABLE %s', old);
            END IF;
            RETURN 'more';
        EXCEPTION WHEN lock_not_available THEN
            busy := true;
        END;
    END LOOP;
    RETURN CASE WHEN busy THEN 'busy' ELSE 'done' END;
END
$$;
