DROP TABLE faults, effects, wanted;
