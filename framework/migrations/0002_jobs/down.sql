DROP FUNCTION catena.rotate_job_history;
DROP FUNCTION catena.enqueue;
DROP TABLE catena.schedules, catena.job_errors, catena.job_history, catena.jobs, catena.workers;
DROP SEQUENCE catena.job_lease_seq;
