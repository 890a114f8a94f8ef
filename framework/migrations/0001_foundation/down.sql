DROP FUNCTION catena.user_id();
