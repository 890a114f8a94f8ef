-- How far jobs have come, as they last said. The rows stay as long as the job is kept, in whatever state.
CREATE TABLE catena.job_progress (
    job_id bigint PRIMARY KEY,
    done bigint NOT NULL,
    total bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
