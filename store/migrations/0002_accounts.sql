-- Accounts pay and have a shard; projects own data and keys. Accounts are made by the owner (the CLI), never over HTTP.

CREATE TABLE accounts (
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    plan text NOT NULL CHECK (plan ~ '^[a-z][a-z0-9_]{0,31}$'),
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT now()
);
SELECT allow_rows('accounts', 'vauchflow_app', '{SELECT}', 'id = (SELECT app_account_id())');
SELECT allow_rows('accounts', 'vauchflow_reconciler', '{SELECT}', 'shard');

CREATE TABLE projects (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts (id),
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    currency char(3) NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    currency_decimals smallint NOT NULL DEFAULT 2 CHECK (currency_decimals BETWEEN 0 AND 4),
    mode text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'test')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, id) -- what keys and campaigns refer to, so that they cannot name another account's project
);
CREATE INDEX projects_by_time ON projects (account_id, created_at, id);
-- Like the scope 'account', with the project's own id in the place of project_id.
SELECT allow_rows('projects', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (name, status)"}',
    'id = (SELECT app_project_id())'
    ' OR (account_id = (SELECT app_account_id()) AND (SELECT app_project_id()) IS NULL)');
SELECT allow_rows('projects', 'vauchflow_reconciler', '{SELECT}', 'any shard');

CREATE TABLE api_keys (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts (id),
    project_id text COLLATE "C",
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    type text NOT NULL CHECK (type IN ('SECRET', 'PUBLISHABLE', 'ADMIN')),
    key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32), -- HMAC-SHA-256, the key itself is nowhere
    hint text NOT NULL CHECK (length(hint) = 4),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, project_id) REFERENCES projects (account_id, id),
    CONSTRAINT api_keys_admin_has_no_project CHECK ((type = 'ADMIN') = (project_id IS NULL))
);
CREATE INDEX api_keys_by_time ON api_keys (account_id, created_at, id);
CREATE INDEX api_keys_by_project ON api_keys (project_id, created_at, id) WHERE project_id IS NOT NULL;
SELECT allow_rows('api_keys', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (revoked_at, last_used_at)"}', 'account');

-- The one look-up before the tenant is known. Runs as the owner, who bypasses RLS, and returns no more than the
-- caller's own key says.
CREATE FUNCTION lookup_api_key(wanted_hash bytea)
RETURNS TABLE (
    key_id text, type text, account_id text, project_id text, shard smallint, currency text,
    currency_decimals smallint, plan text, account_status text, project_status text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.type, k.account_id, k.project_id, a.shard, p.currency::text,
        p.currency_decimals, a.plan, a.status, p.status
    FROM api_keys k
    JOIN accounts a ON a.id = k.account_id
    LEFT JOIN projects p ON p.account_id = k.account_id AND p.id = k.project_id
    WHERE k.key_hash = wanted_hash AND k.revoked_at IS NULL;
END;
REVOKE ALL ON FUNCTION lookup_api_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_api_key(bytea) TO vauchflow_app;

-- Who changed what. Append-only: nobody is granted UPDATE or DELETE.
CREATE TABLE audit_log (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts (id),
    project_id text COLLATE "C",
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
    action text NOT NULL CHECK (action ~ '^[a-z][a-z0-9_.]{0,63}$'),
    object text NOT NULL CHECK (object ~ '^[a-z][a-z0-9_]{0,63}$'),
    object_id text COLLATE "C" NOT NULL CHECK (octet_length(object_id) BETWEEN 1 AND 1024),
    before jsonb,
    after jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, project_id) REFERENCES projects (account_id, id)
);
CREATE INDEX audit_log_by_time ON audit_log (account_id, created_at, id);
CREATE INDEX audit_log_by_project ON audit_log (project_id, created_at, id) WHERE project_id IS NOT NULL;
SELECT allow_rows('audit_log', 'vauchflow_app', '{SELECT,INSERT}', 'account');
SELECT allow_rows('audit_log', 'vauchflow_reconciler', '{INSERT}', 'any shard');

-- One effect per Idempotency-Key of the control plane's POSTs: written in the transaction of the effect, so the
-- key exists exactly where the effect does. The engine's redemptions do not come here, their id is the record.
CREATE TABLE idempotency_keys (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts (id),
    project_id text COLLATE "C", -- NULL: an admin key's request
    route text NOT NULL CHECK (octet_length(route) BETWEEN 1 AND 200),
    key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) BETWEEN 16 AND 64),
    status smallint CHECK (status BETWEEN 200 AND 299), -- NULL only inside the transaction that made the row
    body bytea CHECK (octet_length(body) <= 1048576),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (account_id, project_id, route, key),
    FOREIGN KEY (account_id, project_id) REFERENCES projects (account_id, id),
    CONSTRAINT idempotency_keys_whole_answer CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (account_id, project_id, created_at);
SELECT allow_rows('idempotency_keys', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (status, body)",DELETE}', 'account');
