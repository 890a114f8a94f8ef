DROP FUNCTION catena.claim_keyed, catena.unblock, catena.lock_of;
DROP INDEX catena.jobs_keyed;
UPDATE catena.jobs SET state = 0 WHERE state = 6;
