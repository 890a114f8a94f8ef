DROP FUNCTION catena.session_delete(bytea);
DROP FUNCTION catena.session_user(bytea);
DROP FUNCTION catena.session_create(bytea, uuid, integer, integer);
DROP FUNCTION catena.password_hash(text);
DROP FUNCTION catena.password_user(text);
DROP FUNCTION catena.password_create(uuid, text, text);
DROP TABLE catena.sessions;
DROP TABLE catena.passwords;
