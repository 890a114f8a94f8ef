-- Jobs with which a process vanished. The first time it may have been any of those that ran there, so `crashes` becomes
-- 1 and the job waits in state 5, to run alone in its process. Each time a process vanishes that runs it alone, it is
-- certain: after three such, with `crashes` at 4, the job is given up.
CREATE INDEX jobs_crashed ON catena.jobs (run_at, id) WHERE state = 5;
-- Whether the process claims nothing but such jobs, one at a time, or waits until it runs nothing else.
ALTER TABLE catena.workers ADD COLUMN alone boolean NOT NULL DEFAULT false;
