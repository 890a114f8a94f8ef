UPDATE catena.jobs SET state = 0 WHERE state = 5;
ALTER TABLE catena.workers DROP COLUMN alone;
DROP INDEX catena.jobs_crashed;
