ALTER TABLE catena.schedules DROP COLUMN tz, DROP COLUMN misfire, DROP COLUMN release, DROP COLUMN seen_at;
DROP TABLE catena.releases;
