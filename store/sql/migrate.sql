-- What store/migrate.py needs of its own; the migrations themselves are in store/migrations/.

-- name: migrate_lock
-- One migration at a time in this database, over all its transactions. The number is arbitrary, and ours alone.
SELECT pg_advisory_lock(7085321094412);

-- name: migrate_bootstrap
CREATE TABLE IF NOT EXISTS schema_migrations (
    version int PRIMARY KEY CHECK (version >= 1),
    name text NOT NULL,
    checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now()
);
-- Without a policy or a grant nobody but the owner sees it; forced like every other table, so that no test needs
-- an exception.
ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE schema_migrations FORCE ROW LEVEL SECURITY;

-- name: migrate_applied
SELECT version, name, checksum FROM schema_migrations ORDER BY version;

-- name: migrate_record
INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3);

-- name: migrate_whoami
SELECT current_user AS name, rolsuper, rolbypassrls, rolcreaterole,
    current_setting('server_version_num')::int AS server_version_num,
    pg_catalog.has_schema_privilege('public', 'CREATE WITH GRANT OPTION') AS can_create
FROM pg_catalog.pg_roles WHERE rolname = current_user;

-- name: migrate_role
SELECT rolcanlogin, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS too_mighty,
    EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid) AS is_member
FROM pg_catalog.pg_roles r WHERE rolname = $1;

-- name: migrate_create_role
-- A utility statement takes no parameters, so the server quotes it and the client sends it back.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', $1::text);

-- name: migrate_alter_role
-- The password arrives as a SCRAM verifier: a server that logs its DDL logs no secret.
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text);

-- name: migrate_weaken_role
SELECT format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', $1::text);

-- name: migrate_create_silent_role
-- Nobody logs in as it: it owns functions that write what no server may.
SELECT format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', $1::text);

-- name: migrate_alter_silent_role
SELECT format('ALTER ROLE %I NOLOGIN', $1::text);

-- name: migrate_join_role
-- Whoever gives functions to a role must be able to act as it.
SELECT format('GRANT %I TO %I', $1::text, current_user);
