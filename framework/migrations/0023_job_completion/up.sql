-- Fails, with an error that the process knows by the name of its constraint: the job is not its own any more. A completion
-- that finds no row calls it, so that the COMMIT which has been sent behind it undoes what the job has done.
CREATE FUNCTION catena.lost(job_id bigint, lease bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the job % is no longer held under the lease %', job_id, lease
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'catena_lease';
END
$$;
