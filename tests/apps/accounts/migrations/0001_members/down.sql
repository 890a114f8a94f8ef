DROP FUNCTION member_of_key(text);
DROP TABLE api_keys;
DROP TABLE members;
