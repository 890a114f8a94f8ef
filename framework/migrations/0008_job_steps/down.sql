ALTER TABLE catena.jobs DROP COLUMN stepped;
DROP TABLE catena.job_steps;
