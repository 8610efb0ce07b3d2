-- People and what they may do: who signs in, which accounts they are members of, and the scopes of keys.

-- Whom a transaction is for, beside its tenant: set by store/database.py like the others.
CREATE FUNCTION app_person_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.person_id', true), '');
REVOKE ALL ON FUNCTION app_person_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_person_id() TO vauchflow_app, vauchflow_reconciler;

-- A person belongs to no account: one address, one password, and a membership in each account.
CREATE TABLE people (
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    email text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(email) BETWEEN 3 AND 254 AND email = lower(email)),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%' AND octet_length(password_hash) <= 256),
    -- Somebody has used a link that was sent there. Until then the address is a claim.
    verified_at timestamptz,
    totp_secret bytea CHECK (octet_length(totp_secret) BETWEEN 16 AND 256), -- sealed under VAUCHFLOW_SECRET
    totp_confirmed_at timestamptz,
    totp_step bigint NOT NULL DEFAULT 0, -- of the last code that was taken: none is taken twice
    recovery_hashes bytea[] NOT NULL DEFAULT '{}' CHECK (cardinality(recovery_hashes) <= 10),
    reset_hash bytea UNIQUE CHECK (octet_length(reset_hash) = 32),
    reset_expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT people_totp_whole CHECK (totp_confirmed_at IS NULL OR totp_secret IS NOT NULL),
    CONSTRAINT people_reset_whole CHECK ((reset_hash IS NULL) = (reset_expires_at IS NULL))
);
SELECT allow_rows('people', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (password_hash, verified_at, totp_secret,
    totp_confirmed_at, totp_step, recovery_hashes, reset_hash, reset_expires_at)"}', 'id = (SELECT app_person_id())');

CREATE TABLE members (
    account_id text COLLATE "C" NOT NULL REFERENCES accounts (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    person_id text COLLATE "C" REFERENCES people (id), -- NULL until an invitation is accepted
    email text COLLATE "C" NOT NULL CHECK (octet_length(email) BETWEEN 3 AND 254 AND email = lower(email)),
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'manager', 'analyst')),
    project_ids text[] CHECK (cardinality(project_ids) BETWEEN 1 AND 100), -- NULL: all of the account's
    status text NOT NULL CHECK (status IN ('invited', 'active', 'removed')),
    invite_hash bytea UNIQUE CHECK (octet_length(invite_hash) = 32),
    invite_expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id),
    CONSTRAINT members_active_is_somebody CHECK (status <> 'active' OR person_id IS NOT NULL),
    CONSTRAINT members_invited_by_token CHECK ((status = 'invited') = (invite_hash IS NOT NULL)),
    CONSTRAINT members_whole_account CHECK (project_ids IS NULL OR role IN ('manager', 'analyst'))
);
CREATE UNIQUE INDEX members_by_email ON members (account_id, email) WHERE status <> 'removed';
CREATE UNIQUE INDEX members_by_person ON members (account_id, person_id) WHERE status = 'active';
CREATE INDEX members_by_time ON members (account_id, created_at, id);
CREATE INDEX members_of_person ON members (person_id) WHERE status = 'active';
SELECT allow_rows('members', 'vauchflow_app', '{INSERT,"UPDATE (person_id, role, project_ids, status, invite_hash,
    invite_expires_at)"}', 'account_id = (SELECT app_account_id()) AND (SELECT app_project_id()) IS NULL');
-- A person sees the memberships that are their own, whatever the account.
SELECT allow_rows('members', 'vauchflow_app', '{SELECT}',
    '(account_id = (SELECT app_account_id()) AND (SELECT app_project_id()) IS NULL)'
    ' OR person_id = (SELECT app_person_id())');

-- A session is one person's, as one member. Only a hash of what the cookie holds is here.
CREATE TABLE sessions (
    person_id text COLLATE "C" NOT NULL REFERENCES people (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    account_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (person_id, id),
    FOREIGN KEY (account_id, member_id) REFERENCES members (account_id, id)
);
CREATE INDEX sessions_by_member ON sessions (account_id, member_id);
SELECT allow_rows('sessions', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (seen_at, ended_at)",DELETE}',
    'person_id = (SELECT app_person_id())');

-- How often something was tried, by a hash of what (an address, a client): of the house, reached by functions alone.
CREATE TABLE attempts (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    since timestamptz NOT NULL,
    count integer NOT NULL CHECK (count > 0)
);
CREATE INDEX attempts_by_time ON attempts (since);
ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempts FORCE ROW LEVEL SECURITY;

-- Accounts are also made by those who sign up; the plan is theirs to grow out of, never to choose.
SELECT allow_rows('accounts', 'vauchflow_app', '{INSERT}', 'id = (SELECT app_account_id()) AND plan = ''free''');

-- A project for trying things out beside the one that it is the twin of.
ALTER TABLE projects ADD COLUMN twin_of text COLLATE "C",
    ADD CONSTRAINT projects_twin_of_fkey FOREIGN KEY (account_id, twin_of) REFERENCES projects (account_id, id),
    ADD CONSTRAINT projects_twin_is_for_tests CHECK (twin_of IS NULL OR mode = 'test');
CREATE UNIQUE INDEX projects_twins ON projects (account_id, twin_of) WHERE twin_of IS NOT NULL;

ALTER TABLE api_keys
    ADD COLUMN name text CHECK (length(name) BETWEEN 1 AND 200),
    ADD COLUMN scopes text[] CHECK (cardinality(scopes) BETWEEN 1 AND 100), -- NULL: all that its type may
    ADD COLUMN expires_at timestamptz, -- of one that was rotated
    ADD COLUMN rotated_from text COLLATE "C",
    ADD CONSTRAINT api_keys_rotated_from_fkey FOREIGN KEY (account_id, rotated_from)
        REFERENCES api_keys (account_id, id);
CREATE UNIQUE INDEX api_keys_rotations ON api_keys (account_id, rotated_from) WHERE rotated_from IS NOT NULL;
GRANT UPDATE (expires_at) ON api_keys TO vauchflow_app;

DROP FUNCTION lookup_api_key(bytea);
CREATE FUNCTION lookup_api_key(wanted_hash bytea)
RETURNS TABLE (
    key_id text, type text, account_id text, project_id text, shard smallint, currency text,
    currency_decimals smallint, plan text, account_status text, project_status text, scopes text[]
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT k.id, k.type, k.account_id, k.project_id, a.shard, p.currency::text,
        p.currency_decimals, a.plan, a.status, p.status, k.scopes
    FROM api_keys k
    JOIN accounts a ON a.id = k.account_id
    LEFT JOIN projects p ON p.account_id = k.account_id AND p.id = k.project_id
    WHERE k.key_hash = wanted_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
END;

-- The look-ups before it is known who asks: each returns no more than what is proven by what it is given.
CREATE FUNCTION lookup_session(wanted_hash bytea)
RETURNS TABLE (
    id text, person_id text, member_id text, account_id text, role text, project_ids text[], shard smallint,
    account_status text, seen_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT s.id, s.person_id, s.member_id, s.account_id, m.role, m.project_ids, a.shard, a.status, s.seen_at
    FROM sessions s
    JOIN members m ON m.account_id = s.account_id AND m.id = s.member_id AND m.person_id = s.person_id
    JOIN accounts a ON a.id = s.account_id
    WHERE s.token_hash = wanted_hash AND s.ended_at IS NULL AND m.status = 'active'
        AND s.seen_at > now() - interval '12 hours' AND s.created_at > now() - interval '30 days';
END;

-- By the address alone: the hash goes to whoever verifies a password against it, and to nobody else.
CREATE FUNCTION lookup_person(wanted_email text)
RETURNS TABLE (id text, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT p.id, p.password_hash FROM people p WHERE p.email = wanted_email;
END;

CREATE FUNCTION lookup_password_reset(wanted_hash bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT p.id FROM people p WHERE p.reset_hash = wanted_hash AND p.reset_expires_at > now();
END;

CREATE FUNCTION lookup_invitation(wanted_hash bytea)
RETURNS TABLE (account_id text, member_id text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT m.account_id, m.id, m.email FROM members m
    WHERE m.invite_hash = wanted_hash AND m.status = 'invited' AND m.invite_expires_at > now();
END;

-- Counts one attempt, and says how many there have been since the window began. What is long over is swept.
CREATE FUNCTION count_attempt(wanted_key bytea, window_s integer) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    DELETE FROM attempts WHERE key IN (SELECT a.key FROM attempts a
        WHERE a.since < now() - interval '1 day' AND a.key <> wanted_key LIMIT 10 FOR UPDATE SKIP LOCKED);
    INSERT INTO attempts AS a (key, since, count) VALUES (wanted_key, now(), 1)
    ON CONFLICT (key) DO UPDATE SET
        since = CASE WHEN a.since < now() - make_interval(secs => window_s) THEN now() ELSE a.since END,
        count = CASE WHEN a.since < now() - make_interval(secs => window_s) THEN 1 ELSE a.count + 1 END
    RETURNING a.count;
END;

CREATE FUNCTION forget_attempts(wanted_key bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    DELETE FROM attempts WHERE key = wanted_key;
END;

REVOKE ALL ON FUNCTION lookup_api_key(bytea), lookup_session(bytea), lookup_person(text),
    lookup_password_reset(bytea), lookup_invitation(bytea), count_attempt(bytea, integer), forget_attempts(bytea)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lookup_api_key(bytea), lookup_session(bytea), lookup_person(text),
    lookup_password_reset(bytea), lookup_invitation(bytea), count_attempt(bytea, integer), forget_attempts(bytea)
    TO vauchflow_app;
