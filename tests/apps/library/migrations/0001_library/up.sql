CREATE TABLE shelves (
    id bigint PRIMARY KEY,
    name text NOT NULL
);
COMMENT ON TABLE shelves IS 'catena: public';
INSERT INTO shelves VALUES (1, 'fiction'), (2, 'science');

-- Every kind of rule that PostgreSQL keeps, so that each can be broken.
CREATE TABLE books (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title text,
    isbn text UNIQUE,
    pages integer NOT NULL CHECK (pages > 0),
    shelf_id bigint REFERENCES shelves,
    CONSTRAINT books_have_a_title CHECK (title <> '')
);
ALTER TABLE books ALTER COLUMN title SET NOT NULL;
COMMENT ON TABLE books IS 'catena: public';
