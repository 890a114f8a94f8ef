DROP FUNCTION member_of_key(bytea);
DROP TABLE api_keys;
DROP TABLE members;
