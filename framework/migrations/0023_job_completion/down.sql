DROP FUNCTION catena.lost;
