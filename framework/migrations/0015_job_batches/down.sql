DROP FUNCTION catena.enqueue_batch;
DROP TABLE catena.batch_ends, catena.batches;
-- What waits for others would wait for ever.
UPDATE catena.jobs SET state = 0 WHERE state = 7;
