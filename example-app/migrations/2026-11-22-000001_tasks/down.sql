DROP FUNCTION count_done();
DROP FUNCTION count_tasks();
DROP TABLE tasks;
DROP TABLE profiles;
