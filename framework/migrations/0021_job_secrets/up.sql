-- Which fields of the arguments are secret, or have something secret in them: they do not move into the history. The
-- empty name stands for all arguments. Of a kind, those of all versions that programs take count.
ALTER TABLE catena.job_kinds ADD COLUMN secrets text[] NOT NULL DEFAULT '{}';
