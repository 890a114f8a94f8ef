-- The versions of the program that have had schedules, in the order in which each first started.
CREATE TABLE catena.releases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Of the jobs that the version declares, with their options and places in the source.
    fingerprint bytea NOT NULL UNIQUE,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE catena.schedules
    ADD COLUMN tz text NOT NULL DEFAULT 'UTC',
    ADD COLUMN misfire text NOT NULL DEFAULT 'last' CHECK (misfire IN ('last', 'all', 'skip')),
    -- The version that has declared what stands here: the newest that lives.
    ADD COLUMN release bigint NOT NULL DEFAULT 0,
    -- When a process of that version last said so. Other versions look whether it changes, not how old it is.
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT '-infinity';
