-- The database of production, its three roles and their rights, as development makes them by itself. For a superuser:
-- psql -v owner_password=… -v web_password=… -v jobs_password=… -f example-app/roles.sql
\set ON_ERROR_STOP on

CREATE ROLE example_app_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE example_app_web LOGIN PASSWORD :'web_password';
CREATE ROLE example_app_jobs LOGIN PASSWORD :'jobs_password' BYPASSRLS;
CREATE DATABASE example_app OWNER example_app_owner;
\connect example_app

-- Requests and jobs read and write rows; only the owner makes tables and functions.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO example_app_owner;
GRANT USAGE ON SCHEMA public TO example_app_web, example_app_jobs;
ALTER DEFAULT PRIVILEGES FOR ROLE example_app_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE example_app_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO example_app_web, example_app_jobs;
ALTER DEFAULT PRIVILEGES FOR ROLE example_app_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO example_app_web, example_app_jobs;
ALTER DEFAULT PRIVILEGES FOR ROLE example_app_owner IN SCHEMA public
    GRANT EXECUTE ON ROUTINES TO example_app_web, example_app_jobs;
