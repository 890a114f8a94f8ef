DROP INDEX catena.jobs_cancel;
ALTER TABLE catena.jobs DROP COLUMN cancel_at;
