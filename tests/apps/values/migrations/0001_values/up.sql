CREATE TYPE mood AS ENUM ('calm', 'very-glad');

-- A column of every kind that a model can have beside the plain ones, and one of each that may be NULL.
CREATE TABLE things (
    id bigint PRIMARY KEY,
    price numeric NOT NULL,
    discount numeric(10, 2),
    reading bigint NOT NULL,
    last_reading bigint,
    address jsonb NOT NULL,
    billing jsonb,
    mood mood NOT NULL,
    past_mood mood,
    label text NOT NULL,
    nickname text,
    tags text[] NOT NULL,
    counts integer[],
    holes integer[] NOT NULL,
    moods mood[] NOT NULL,
    labels text[] NOT NULL,
    prices numeric[] NOT NULL,
    addresses jsonb[] NOT NULL
);
COMMENT ON TABLE things IS 'catena: public';
