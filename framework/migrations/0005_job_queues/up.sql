-- Queues whose jobs no process claims until they are resumed.
CREATE TABLE catena.paused_queues (
    name text COLLATE "C" PRIMARY KEY,
    paused_at timestamptz NOT NULL DEFAULT now()
);
