-- The ledger: written by the reconciler only. A row here is an acknowledged redemption, so nothing may refuse it that
-- the engine has admitted: lengths are wider than the API's, and redemptions refer to no definition.

CREATE TABLE redemptions (
    project_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    status text NOT NULL DEFAULT 'redeemed' CHECK (status IN ('redeemed', 'rolled_back')),
    customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    order_value_minor bigint NOT NULL CHECK (order_value_minor BETWEEN 0 AND 9007199254740991),
    discount_minor bigint NOT NULL CHECK (discount_minor BETWEEN 0 AND 9007199254740991),
    total_minor bigint NOT NULL CHECK (total_minor BETWEEN 0 AND 9007199254740991),
    durability text NOT NULL CHECK (durability IN ('fast', 'durable', 'committed')),
    idempotency_key text COLLATE "C" CHECK (octet_length(idempotency_key) BETWEEN 1 AND 1024),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) <= 64),
    created_at timestamptz NOT NULL, -- the script's time, not this server's
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL CHECK (epoch >= 1),
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0),
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    entry_index int NOT NULL CHECK (entry_index >= 0),
    body bytea NOT NULL CHECK (octet_length(body) <= 65536), -- the event: the first answer is rebuilt from it
    rolled_back_at timestamptz,
    rollback_epoch bigint,
    rollback_entry_ms bigint,
    rollback_entry_seq bigint,
    rollback_entry_index int,
    PRIMARY KEY (project_id, id), -- for all time: exactly one effect
    CONSTRAINT redemptions_rollback_is_whole CHECK (
        num_nulls(rolled_back_at, rollback_epoch, rollback_entry_ms, rollback_entry_seq, rollback_entry_index)
        = CASE status WHEN 'rolled_back' THEN 0 ELSE 5 END)
);
CREATE INDEX redemptions_by_time ON redemptions (project_id, created_at, id);
CREATE INDEX redemptions_by_customer ON redemptions (project_id, customer_id, created_at, id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX redemptions_by_key ON redemptions (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
SELECT allow_rows('redemptions', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('redemptions', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'shard');

CREATE TABLE redemption_lines (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL,
    line_no smallint NOT NULL CHECK (line_no BETWEEN 1 AND 30),
    object text NOT NULL CHECK (object ~ '^[a-z][a-z_]{0,31}$'),
    redeemable_id text COLLATE "C" NOT NULL CHECK (octet_length(redeemable_id) BETWEEN 1 AND 64),
    campaign_id text COLLATE "C" CHECK (octet_length(campaign_id) BETWEEN 1 AND 64),
    code text COLLATE "C" NOT NULL CHECK (octet_length(code) <= 256),
    discount_minor bigint NOT NULL CHECK (discount_minor BETWEEN 0 AND 9007199254740991),
    moves jsonb NOT NULL CHECK (jsonb_typeof(moves) = 'array'), -- [[counter_id, n], ...]: what a rollback returns
    created_at timestamptz NOT NULL, -- the redemption's, so that lists by redeemable need no join
    -- No foreign key to redemptions: one statement of one transaction writes both, and its check, planned on an empty
    -- table, would keep a plan that scans the project's redemptions for every line (seen: 1 s for 500 rows).
    PRIMARY KEY (project_id, redemption_id, line_no)
);
CREATE INDEX redemption_lines_by_redeemable
    ON redemption_lines (project_id, redeemable_id, created_at, redemption_id);
SELECT allow_rows('redemption_lines', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('redemption_lines', 'vauchflow_reconciler', '{SELECT,INSERT}', 'any shard');

-- What is billed. A rollback is counted beside, it never takes a redemption back from the plan's quota.
CREATE TABLE usage_daily (
    account_id text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    day date NOT NULL,
    redemptions bigint NOT NULL DEFAULT 0 CHECK (redemptions >= 0),
    rollbacks bigint NOT NULL DEFAULT 0 CHECK (rollbacks >= 0),
    discount_minor bigint NOT NULL DEFAULT 0 CHECK (discount_minor >= 0),
    PRIMARY KEY (account_id, project_id, day),
    FOREIGN KEY (account_id, project_id) REFERENCES projects (account_id, id)
) WITH (fillfactor = 70);
CREATE INDEX usage_daily_by_project ON usage_daily (project_id, day);
SELECT allow_rows('usage_daily', 'vauchflow_app', '{SELECT}', 'account');
SELECT allow_rows('usage_daily', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');

-- Work that outlives its request (batches of codes): the control plane's jobs take it by lease.
CREATE TABLE async_actions (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    type text NOT NULL CHECK (type ~ '^[a-z][a-z_]{0,63}$'),
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    total_count int NOT NULL CHECK (total_count >= 0),
    done_count int NOT NULL DEFAULT 0 CHECK (done_count >= 0),
    failed_count int NOT NULL DEFAULT 0 CHECK (failed_count >= 0),
    failures jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(failures) = 'array'),
    params jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(params) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    locked_until timestamptz,
    PRIMARY KEY (project_id, id),
    CONSTRAINT async_actions_no_more_than_total CHECK (done_count + failed_count <= total_count)
);
CREATE INDEX async_actions_by_time ON async_actions (project_id, created_at, id);
CREATE INDEX async_actions_due ON async_actions (created_at) WHERE status IN ('queued', 'running');
SELECT allow_rows('async_actions', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');

-- Which actions wait for a worker, across tenants: their names only. Whoever takes one does so in its tenant's own
-- transaction, by setting locked_until where it is still free.
CREATE FUNCTION due_async_actions(max_rows int)
RETURNS TABLE (account_id text, project_id text, shard smallint, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT a.id, x.project_id, a.shard, x.id
    FROM async_actions x
    JOIN projects p ON p.id = x.project_id
    JOIN accounts a ON a.id = p.account_id
    WHERE x.status IN ('queued', 'running') AND (x.locked_until IS NULL OR x.locked_until < now())
    ORDER BY x.created_at
    LIMIT least(max_rows, 1000);
END;
REVOKE ALL ON FUNCTION due_async_actions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_async_actions(int) TO vauchflow_app;
