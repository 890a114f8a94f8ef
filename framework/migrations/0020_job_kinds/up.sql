-- Which arguments the programs take that work on this queue, or did: a row a kind, version and schema. A program that
-- finds another row than its own of one of its kinds looks at what waits before it claims anything.
CREATE TABLE catena.job_kinds (
    kind text COLLATE "C" NOT NULL,
    version smallint NOT NULL,
    -- Of the schema of the arguments: 16 bytes of a hash.
    fingerprint bytea NOT NULL,
    -- When a program last said that it takes them.
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, version, fingerprint)
);
