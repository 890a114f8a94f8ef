DROP TABLE catena.paused_queues;
