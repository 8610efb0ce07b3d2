-- Run once by the superuser on a new server; everything after it is done as the owner by `python -m store.migrate`.
-- The owner may create the application's roles and is not held by Row-Level Security, but is no superuser.
-- ./dev replaces the psql variable itself, so nothing here may need psql.

CREATE ROLE vauchflow_owner LOGIN CREATEROLE BYPASSRLS NOSUPERUSER;

ALTER ROLE vauchflow_owner PASSWORD :'owner_password';

CREATE DATABASE vauchflow OWNER vauchflow_owner ENCODING 'UTF8' TEMPLATE template0;
