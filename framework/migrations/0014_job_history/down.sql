-- As in 0002.
DROP FUNCTION catena.rotate_job_history;
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
