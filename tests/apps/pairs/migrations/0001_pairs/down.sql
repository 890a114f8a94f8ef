DROP TABLE lefts, rights;
