-- What admins wish (campaigns, vouchers), what it is counted by (counters), and what Redis has not been told yet
-- (outbox). Numbers stay below 2^53: Lua's numbers are doubles.

CREATE TABLE campaigns (
    project_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    account_id text COLLATE "C" NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    type text NOT NULL DEFAULT 'DISCOUNT' CHECK (type IN ('DISCOUNT')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    rules jsonb NOT NULL CHECK (jsonb_typeof(rules) = 'object' AND octet_length(rules::text) <= 16384),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    -- the epoch in which the limit per customer was first set: there, a customer without a counter is zero
    counts_customers_since bigint NOT NULL DEFAULT 0 CHECK (counts_customers_since >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (account_id, project_id) REFERENCES projects (account_id, id)
);
CREATE INDEX campaigns_by_time ON campaigns (project_id, created_at, id);
SELECT allow_rows('campaigns', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('campaigns', 'vauchflow_reconciler', '{SELECT}', 'any shard');

CREATE TABLE vouchers (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    campaign_id text COLLATE "C",
    code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z0-9_.~-]{1,64}$'), -- normalised, as domain/ids.py spells it
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    rules jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(rules) = 'object' AND octet_length(rules::text) <= 16384),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    counts_customers_since bigint NOT NULL DEFAULT 0 CHECK (counts_customers_since >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, code),
    FOREIGN KEY (project_id, campaign_id) REFERENCES campaigns (project_id, id)
);
CREATE INDEX vouchers_by_time ON vouchers (project_id, created_at, id);
CREATE INDEX vouchers_by_campaign ON vouchers (project_id, campaign_id, created_at, id)
    WHERE campaign_id IS NOT NULL;
SELECT allow_rows('vouchers', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('vouchers', 'vauchflow_reconciler', '{SELECT}', 'any shard');

CREATE TABLE customers (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1024),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX customers_by_time ON customers (project_id, created_at, id);
SELECT allow_rows('customers', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('customers', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');

-- Bounded counters. granted and returned are gross and only grow; used is what is out. `ceiling` is the greatest
-- limit that may have been in force, and the CHECK is against it, never against the wish (limit_value): what was
-- admitted can therefore not be refused here. A family's template (u:<definition>, w:<campaign>) holds the limit and
-- ceiling of its children, is never moved itself, and is the parent_id of each child.
CREATE TABLE counters (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1280),
    kind text NOT NULL CHECK (kind IN ('redemptions', 'budget', 'customer', 'code_family', 'customer_family')),
    parent_id text COLLATE "C",
    limit_value bigint CHECK (limit_value BETWEEN 0 AND 9007199254740991), -- NULL: unlimited
    ceiling bigint CHECK (ceiling BETWEEN 0 AND 9007199254740991), -- NULL: has been unlimited
    granted bigint NOT NULL DEFAULT 0 CHECK (granted BETWEEN 0 AND 9007199254740991),
    returned bigint NOT NULL DEFAULT 0 CHECK (returned >= 0),
    quarantined bigint NOT NULL DEFAULT 0 CHECK (quarantined BETWEEN 0 AND 9007199254740991),
    used bigint GENERATED ALWAYS AS (granted - returned) STORED,
    version bigint NOT NULL DEFAULT 0 CHECK (version BETWEEN 0 AND 9007199254740991),
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (project_id, parent_id) REFERENCES counters (project_id, id),
    CONSTRAINT counters_return_only_what_was_granted CHECK (returned <= granted),
    CONSTRAINT counters_within_ceiling CHECK (ceiling IS NULL OR granted - returned <= ceiling),
    CONSTRAINT counters_ceiling_covers_limit
        CHECK (ceiling IS NULL OR (limit_value IS NOT NULL AND limit_value <= ceiling)),
    CONSTRAINT counters_template_is_never_moved
        CHECK (kind NOT IN ('code_family', 'customer_family') OR (granted = 0 AND quarantined = 0)),
    CONSTRAINT counters_template_has_no_parent
        CHECK (parent_id IS NULL OR kind NOT IN ('code_family', 'customer_family'))
) WITH (fillfactor = 70); -- room for HOT updates: a hot counter is rewritten with every batch
-- Limits are the control plane's, counts are the reconciler's: neither can write the other's columns.
SELECT allow_rows('counters', 'vauchflow_app',
    '{SELECT,"INSERT (project_id, id, kind, parent_id, limit_value, ceiling, version)","UPDATE (limit_value, ceiling, version)"}',
    'project');
SELECT allow_rows('counters', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');

-- Changes that Redis may not have been told yet; written in the transaction of the change.
CREATE TABLE outbox (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id bigint GENERATED ALWAYS AS IDENTITY,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    object text NOT NULL CHECK (object IN ('campaign', 'voucher', 'batch')),
    object_id text COLLATE "C" NOT NULL CHECK (octet_length(object_id) BETWEEN 1 AND 64),
    version bigint NOT NULL CHECK (version BETWEEN 0 AND 9007199254740991),
    created_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX outbox_unapplied ON outbox (shard, id) WHERE applied_at IS NULL;
CREATE INDEX outbox_applied ON outbox (shard, applied_at) WHERE applied_at IS NOT NULL;
SELECT allow_rows('outbox', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (applied_at, attempts)"}', 'project');
SELECT allow_rows('outbox', 'vauchflow_reconciler', '{SELECT,"UPDATE (applied_at, attempts)"}', 'shard');
-- It also sweeps, but never what is still to be applied.
SELECT allow_rows('outbox', 'vauchflow_reconciler', '{DELETE}',
    'shard = (SELECT app_shard()) AND applied_at IS NOT NULL');
