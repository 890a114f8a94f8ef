-- What was asked for, written in the transaction that enqueued it, and what was done. Nothing here keeps an effect from
-- happening twice, so that a test sees it if it does.
CREATE TABLE wanted (
    number bigint PRIMARY KEY,
    sort text NOT NULL,
    -- How many effects its job, or its batch, has in the database; those of one that has none stand in the book. -1: it may have no job.
    parts int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE wanted IS 'catena: public';
CREATE TABLE effects (
    number bigint NOT NULL,
    part int NOT NULL,
    process int NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Whoever completes a batch looks for those of its members.
CREATE INDEX effects_number ON effects (number);
COMMENT ON TABLE effects IS 'catena: public';
-- What must not be and was seen by a job.
CREATE TABLE faults (number bigint NOT NULL, what text NOT NULL);
COMMENT ON TABLE faults IS 'catena: public';
