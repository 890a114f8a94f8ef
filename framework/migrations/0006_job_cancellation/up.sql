-- When somebody cancelled the job. Those that wait are moved to the history at once; of those that run, their process is
-- told. The index holds these few and no others, so that it costs nothing at enqueue.
ALTER TABLE catena.jobs ADD COLUMN cancel_at timestamptz;
CREATE INDEX jobs_cancel ON catena.jobs (id) WHERE cancel_at IS NOT NULL;
