DROP TABLE catena.job_progress;
