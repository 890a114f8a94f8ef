DROP TABLE catena.job_kinds;
