ALTER TABLE catena.job_kinds DROP COLUMN secrets;
