-- The rival: one guarded UPDATE and one INSERT for each request, in one statement and so in one transaction.

-- name: rival_tables
CREATE TABLE rival_campaigns (code text PRIMARY KEY, max_used bigint NOT NULL, used bigint NOT NULL DEFAULT 0)
    WITH (fillfactor = 50);
CREATE TABLE rival_redemptions (
    id text PRIMARY KEY, code text NOT NULL, customer_id text NOT NULL, order_value_minor bigint NOT NULL,
    discount_minor bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO rival_campaigns (code, max_used) VALUES ('CAMPAIGN', 1000000000);

-- name: rival_redeem
-- $1 code, $2 id, $3 customer, $4 order value, $5 discount. A row where it is granted; a known id raises, and the whole
-- statement with it is undone.
WITH taken AS (
    UPDATE rival_campaigns SET used = used + 1 WHERE code = $1 AND used < max_used RETURNING code
)
INSERT INTO rival_redemptions (id, code, customer_id, order_value_minor, discount_minor)
SELECT $2, code, $3, $4, $5 FROM taken
RETURNING id;

-- name: rival_known
SELECT id FROM rival_redemptions WHERE id = $1;

-- name: rival_counts
SELECT (SELECT sum(used) FROM rival_campaigns)::bigint AS used, (SELECT count(*) FROM rival_redemptions) AS redemptions;
