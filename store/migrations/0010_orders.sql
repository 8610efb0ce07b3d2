-- Orders, partial rollbacks and reservations in the ledger.

-- A stack of 30 on an order of many items is one event, and its record and its ring's entry are that event.
ALTER TABLE redemptions
    DROP CONSTRAINT redemptions_body_check,
    ADD CONSTRAINT redemptions_body_check CHECK (octet_length(body) <= 262144),
    DROP CONSTRAINT redemptions_status_check,
    -- rolled_back_at and the rollback's place are those of the rollback that made it whole
    ADD CONSTRAINT redemptions_status_check CHECK (status IN ('redeemed', 'partially_rolled_back', 'rolled_back')),
    ADD COLUMN order_id text COLLATE "C" CHECK (octet_length(order_id) BETWEEN 1 AND 1024),
    ADD COLUMN order_key bytea CHECK (octet_length(order_key) BETWEEN 1 AND 64), -- which order and redeemables it was
    ADD COLUMN revision int NOT NULL DEFAULT 0 CHECK (revision >= 0), -- how many rollbacks it has had
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    -- Where one redeemable of a stack is rolled back, the customer pays its discount: that may come back, too.
    ADD CONSTRAINT redemptions_refund_what_was_paid CHECK (refunded_minor <= total_minor + discount_minor);
CREATE INDEX redemptions_by_order ON redemptions (project_id, order_key) WHERE order_key IS NOT NULL;
ALTER TABLE ring_entries
    DROP CONSTRAINT ring_entries_payload_check,
    ADD CONSTRAINT ring_entries_payload_check CHECK (octet_length(payload) <= 262144);

-- Each rollback of a redemption or of a part of it, by the revision that it was decided from: of two that were, one
-- has an effect. A whole one of before this migration has no row.
CREATE TABLE redemption_rollbacks (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    revision int NOT NULL CHECK (revision >= 0),
    id text COLLATE "C" CHECK (octet_length(id) BETWEEN 1 AND 64), -- NULL: of an event of schema 1
    idempotency_key text COLLATE "C" CHECK (octet_length(idempotency_key) BETWEEN 1 AND 1024),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) <= 64),
    is_whole boolean NOT NULL,
    refund_minor bigint NOT NULL CHECK (refund_minor BETWEEN 0 AND 9007199254740991),
    moves jsonb NOT NULL CHECK (jsonb_typeof(moves) = 'array'), -- [[counter_id, n], ...]: what has come back
    body bytea NOT NULL CHECK (octet_length(body) <= 262144), -- the event: the first answer is rebuilt from it
    created_at timestamptz NOT NULL, -- the script's time
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL CHECK (epoch >= 1),
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0),
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    entry_index int NOT NULL CHECK (entry_index >= 0),
    -- No foreign key to redemptions, for the reason that redemption_lines has none.
    PRIMARY KEY (project_id, redemption_id, revision)
);
SELECT allow_rows('redemption_rollbacks', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('redemption_rollbacks', 'vauchflow_reconciler', '{SELECT,INSERT}', 'shard');

-- What sessions hold. `body` is the newest Reserved event; empty where only the end of a reservation has come so far:
-- a ring that is handed in late may bring its beginning, which then holds nothing.
CREATE TABLE reservations (
    project_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    session text COLLATE "C" NOT NULL CHECK (octet_length(session) <= 1024),
    tag text COLLATE "C" NOT NULL CHECK (octet_length(tag) BETWEEN 1 AND 64), -- the session's name on counters
    status text NOT NULL CHECK (status IN ('held', 'captured', 'released')),
    expires_at timestamptz NOT NULL, -- by the script's clock
    revision bigint NOT NULL CHECK (revision >= 0), -- when the last extension was asked for, in ms; 0: never
    redemption_id text COLLATE "C" CHECK (octet_length(redemption_id) BETWEEN 1 AND 64), -- what it was captured by
    body bytea NOT NULL CHECK (octet_length(body) <= 262144),
    created_at timestamptz NOT NULL,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL CHECK (epoch >= 1),
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0), -- the place of that event, or of the end
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    entry_index int NOT NULL CHECK (entry_index >= 0),
    PRIMARY KEY (project_id, id)
);
SELECT allow_rows('reservations', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('reservations', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'shard');

-- The units that are held, as Redis has them on its counters: at most one hold of a session on each.
CREATE TABLE reservation_holds (
    project_id text COLLATE "C" NOT NULL,
    counter_id text COLLATE "C" NOT NULL CHECK (octet_length(counter_id) BETWEEN 1 AND 1280),
    tag text COLLATE "C" NOT NULL CHECK (octet_length(tag) BETWEEN 1 AND 64),
    reservation_id text COLLATE "C" NOT NULL CHECK (octet_length(reservation_id) BETWEEN 1 AND 64),
    amount bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    expires_at timestamptz NOT NULL,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    PRIMARY KEY (project_id, counter_id, tag)
);
CREATE INDEX reservation_holds_by_reservation ON reservation_holds (project_id, reservation_id);
CREATE INDEX reservation_holds_by_expiry ON reservation_holds (shard, expires_at);
SELECT allow_rows('reservation_holds', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('reservation_holds', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE,DELETE}', 'shard');
