-- Receipts: a hash chain for each campaign, and for each voucher that stands alone. Written by the reconciler in the
-- transaction that settles; domain/receipts.py says what a link is made from. Append-only: nobody may change a link,
-- and of a head only the reconciler.

CREATE TABLE receipts (
    project_id text COLLATE "C" NOT NULL,
    chain_id text COLLATE "C" NOT NULL CHECK (octet_length(chain_id) BETWEEN 1 AND 64), -- a campaign's or a voucher's
    seq bigint NOT NULL CHECK (seq >= 1),
    kind text NOT NULL CHECK (kind IN ('redeemed', 'rolled_back')),
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    link bytea NOT NULL CHECK (octet_length(link) = 32),
    -- What hides the personal data of a redemption. Erased, the commitment can no longer be opened by anyone.
    salt bytea CHECK (octet_length(salt) = 16),
    commitment bytea CHECK (octet_length(commitment) = 32),
    -- No key on redemption_id: the ledger takes an id once, and a second index would cost every redemption.
    PRIMARY KEY (project_id, chain_id, seq),
    CONSTRAINT receipts_commit_to_redemptions
        CHECK ((kind = 'redeemed') = (commitment IS NOT NULL) AND (salt IS NULL OR commitment IS NOT NULL))
);
SELECT allow_rows('receipts', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('receipts', 'vauchflow_reconciler', '{INSERT}', 'any shard');

-- Where each chain ends: how many links it has, and how many of them are redemptions and rollbacks.
CREATE TABLE receipt_heads (
    project_id text COLLATE "C" NOT NULL,
    chain_id text COLLATE "C" NOT NULL CHECK (octet_length(chain_id) BETWEEN 1 AND 64),
    links bigint NOT NULL CHECK (links >= 1),
    redeemed bigint NOT NULL CHECK (redeemed >= 0),
    rolled_back bigint NOT NULL CHECK (rolled_back >= 0),
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    PRIMARY KEY (project_id, chain_id),
    CONSTRAINT receipt_heads_count_every_link CHECK (links = redeemed + rolled_back)
) WITH (fillfactor = 50); -- a hot chain's head is rewritten with every batch
SELECT allow_rows('receipt_heads', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('receipt_heads', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');
