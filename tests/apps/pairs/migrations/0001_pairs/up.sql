-- Each request writes a row here and one there: a test sees half a request if there is one.
CREATE TABLE lefts (number bigint PRIMARY KEY);
COMMENT ON TABLE lefts IS 'catena: public';
CREATE TABLE rights (number bigint PRIMARY KEY);
COMMENT ON TABLE rights IS 'catena: public';
