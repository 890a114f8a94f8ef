-- What `job.step` and `job.sleep` have finished of a job. The rows go with the job; those of one that was given up stay,
-- for `jobs retry`.
CREATE TABLE catena.job_steps (
    job_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What a step returned; NULL for a sleep.
    result json,
    -- When a sleep is over; NULL for a step.
    wake_at timestamptz,
    PRIMARY KEY (job_id, name),
    CHECK ((result IS NULL) <> (wake_at IS NULL))
);
-- Whether the job has such rows: whoever ends one that has none need not look for them.
ALTER TABLE catena.jobs ADD COLUMN stepped boolean NOT NULL DEFAULT false;
