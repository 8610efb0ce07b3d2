-- What decisions read beside campaigns and vouchers: validation rules, customers, products, a project's settings.
-- Each has a version, and a checkout is decided again where one has changed. Who or what was never stored is version 1.

CREATE TABLE validation_rules (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    -- the canonical form of domain/conditions: amounts in minor units
    rule jsonb NOT NULL CHECK (jsonb_typeof(rule) = 'object' AND octet_length(rule::text) <= 32768),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    -- the epoch of its creation: there, a counter of it that is absent is zero
    counts_since bigint NOT NULL DEFAULT 0 CHECK (counts_since >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX validation_rules_by_time ON validation_rules (project_id, created_at, id);
SELECT allow_rows('validation_rules', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('validation_rules', 'vauchflow_reconciler', '{SELECT}', 'any shard');

-- A customer whom only the ledger has met stays blank: version 1.
ALTER TABLE customers
    ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    ADD COLUMN name text CHECK (length(name) BETWEEN 1 AND 200),
    ADD COLUMN email text CHECK (length(email) BETWEEN 1 AND 320),
    ADD COLUMN segments text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(segments) <= 100 AND octet_length(segments::text) <= 16384),
    ADD COLUMN updated_at timestamptz;

-- Ids are the shop's own, as they are of customers and products.
CREATE TABLE segments (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 128),
    name text CHECK (length(name) BETWEEN 1 AND 200),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX segments_by_time ON segments (project_id, created_at, id);
SELECT allow_rows('segments', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');

CREATE TABLE products (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 128),
    version bigint NOT NULL DEFAULT 2 CHECK (version BETWEEN 2 AND 9007199254740991),
    name text CHECK (length(name) BETWEEN 1 AND 200),
    price_minor bigint CHECK (price_minor BETWEEN 0 AND 1000000000000),
    categories text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(categories) <= 100 AND octet_length(categories::text) <= 16384),
    collections text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(collections) <= 100 AND octet_length(collections::text) <= 16384),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id)
);
CREATE INDEX products_by_time ON products (project_id, created_at, id);
SELECT allow_rows('products', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('products', 'vauchflow_reconciler', '{SELECT}', 'any shard');

-- What a project decides for all its checkouts. Without a row: the defaults, version 1.
CREATE TABLE project_settings (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    version bigint NOT NULL DEFAULT 2 CHECK (version BETWEEN 2 AND 9007199254740991),
    settings jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object' AND octet_length(settings::text) <= 65536),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id)
);
SELECT allow_rows('project_settings', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('project_settings', 'vauchflow_reconciler', '{SELECT}', 'any shard');

-- A customer's id is the shop's own: up to 128 characters of up to four bytes.
ALTER TABLE outbox
    DROP CONSTRAINT outbox_object_check,
    DROP CONSTRAINT outbox_object_id_check,
    ADD CONSTRAINT outbox_object_check
        CHECK (object IN ('campaign', 'voucher', 'batch', 'rule', 'customer', 'product', 'settings')),
    ADD CONSTRAINT outbox_object_id_check CHECK (octet_length(object_id) BETWEEN 1 AND 1024);
