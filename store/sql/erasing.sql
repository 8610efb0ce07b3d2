-- What the owner alone may do: take a person out of the ledger. $1 is the project throughout.

-- name: lock_redemptions_of_customer
SELECT id, body FROM redemptions WHERE project_id = $1 AND customer_id = $2 ORDER BY id FOR UPDATE;

-- name: blank_redemptions
UPDATE redemptions r SET customer_id = NULL, idempotency_key = NULL, fingerprint = '', order_id = NULL,
    order_key = NULL, body = b.body
FROM unnest($2::text[], $3::bytea[]) AS b (id, body)
WHERE r.project_id = $1 AND r.id = b.id;

-- name: blank_redemption_lines
-- Without the moves on customers' counters: a later rollback gives back what is left.
UPDATE redemption_lines l SET moves = (
    SELECT COALESCE(jsonb_agg(m.move ORDER BY m.place), '[]')
    FROM jsonb_array_elements(l.moves) WITH ORDINALITY AS m (move, place)
    WHERE m.move ->> 0 !~ '^(u:|o:|t:[^:]*:customer[.])') -- as names_customer() says
WHERE l.project_id = $1 AND l.redemption_id = ANY($2::text[]);

-- name: lock_rollbacks
SELECT redemption_id, revision, body FROM redemption_rollbacks
WHERE project_id = $1 AND redemption_id = ANY($2::text[])
ORDER BY redemption_id, revision
FOR UPDATE;

-- name: blank_rollbacks
-- As the lines are: without the moves on customers' counters.
UPDATE redemption_rollbacks r SET idempotency_key = NULL, fingerprint = '', body = b.body, moves = (
    SELECT COALESCE(jsonb_agg(m.move ORDER BY m.place), '[]')
    FROM jsonb_array_elements(r.moves) WITH ORDINALITY AS m (move, place)
    WHERE m.move ->> 0 !~ '^(u:|o:|t:[^:]*:customer[.])')
FROM unnest($2::text[], $3::int[], $4::bytea[]) AS b (redemption_id, revision, body)
WHERE r.project_id = $1 AND r.redemption_id = b.redemption_id AND r.revision = b.revision;

-- name: reservations_that_may_name
-- $2, $3: a customer's id as it is, and as JSON may spell it. Those that are over: what is held is still to be
-- captured or to expire.
SELECT id, body FROM reservations
WHERE project_id = $1 AND (position($2::bytea IN body) > 0 OR position($3::bytea IN body) > 0)
    AND (status <> 'held' OR expires_at < now() - interval '1 minute');

-- name: erase_reservations
DELETE FROM reservations WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: erase_holds
DELETE FROM reservation_holds WHERE project_id = $1 AND reservation_id = ANY($2::text[]);

-- name: drop_salts
UPDATE receipts SET salt = NULL WHERE project_id = $1 AND redemption_id = ANY($2::text[]);

-- name: forget_owner_of_events
UPDATE customer_events SET customer_id = NULL, order_id = NULL WHERE project_id = $1 AND customer_id = $2;

-- name: forget_owner_of_orders
-- The order's own id stays: it is paid once, whoever is told to have paid it.
UPDATE paid_orders SET customer_id = NULL WHERE project_id = $1 AND customer_id = $2;

-- name: forget_owner_of_vouchers
-- Redis is told by the projector, as of every change.
WITH blank AS (
    UPDATE vouchers SET customer_id = NULL, version = version + 1, updated_at = now()
    WHERE project_id = $1 AND customer_id = $2 RETURNING project_id, id, version)
INSERT INTO outbox (project_id, shard, object, object_id, version)
SELECT b.project_id, a.shard, 'voucher', b.id, b.version
FROM blank b JOIN projects p ON p.id = b.project_id JOIN accounts a ON a.id = p.account_id;

-- name: forget_owner_of_gift_cards
-- Money is whoever's has the code.
WITH blank AS (
    UPDATE gift_cards SET customer_id = NULL, version = version + 1, updated_at = now()
    WHERE project_id = $1 AND customer_id = $2 RETURNING project_id, id, version)
INSERT INTO outbox (project_id, shard, object, object_id, version)
SELECT b.project_id, a.shard, 'gift_card', b.id, b.version
FROM blank b JOIN projects p ON p.id = b.project_id JOIN accounts a ON a.id = p.account_id;

-- name: forget_owner_of_loyalty_cards
-- Points are the customer's own, so nobody spends them any more.
WITH blank AS (
    UPDATE loyalty_cards SET customer_id = 'erased:' || id, status = 'blocked', metadata = '{}', version = version + 1,
        updated_at = now()
    WHERE project_id = $1 AND customer_id = $2 RETURNING project_id, id, version)
INSERT INTO outbox (project_id, shard, object, object_id, version)
SELECT b.project_id, a.shard, 'loyalty_card', b.id, b.version
FROM blank b JOIN projects p ON p.id = b.project_id JOIN accounts a ON a.id = p.account_id;

-- name: drop_counters_of_customer
DELETE FROM counters WHERE project_id = $1 AND id = ANY($2::text[]) AND kind = 'customer';

-- name: drop_customer
DELETE FROM customers WHERE project_id = $1 AND id = $2;

-- name: drop_changes_of_customer
-- Redis need not be told any more: a customer who comes back has a newer version.
DELETE FROM outbox WHERE project_id = $1 AND object = 'customer' AND object_id = $2;

-- name: blank_audit_of_customer
UPDATE audit_log SET object_id = 'erased' WHERE project_id = $1 AND object = 'customer' AND object_id = $2;

-- name: forget_referee_identities
DELETE FROM referee_identities i USING referrals f
WHERE f.project_id = $1 AND f.referee_id = $2 AND i.project_id = f.project_id AND i.redemption_id = f.redemption_id;

-- name: forget_rewarded
UPDATE referral_rewards w SET customer_id = NULL FROM referrals f
WHERE f.project_id = $1 AND (f.referrer_id = $2 OR f.referee_id = $2) AND w.project_id = f.project_id
    AND w.redemption_id = f.redemption_id AND w.customer_id = $2;

-- name: forget_referrals
UPDATE referrals SET referrer_id = NULLIF(referrer_id, $2), referee_id = NULLIF(referee_id, $2)
WHERE project_id = $1 AND (referrer_id = $2 OR referee_id = $2);

-- name: forget_referrer_identities
DELETE FROM referrer_identities WHERE project_id = $1 AND customer_id = $2;

-- name: forget_owner_of_referral_codes
-- Nobody refers by it any more. Its spelling stays: others have redeemed it.
WITH blank AS (
    UPDATE referral_codes SET customer_id = 'erased:' || id, status = 'disabled', version = version + 1,
        updated_at = now()
    WHERE project_id = $1 AND customer_id = $2 RETURNING project_id, id, version)
INSERT INTO outbox (project_id, shard, object, object_id, version)
SELECT b.project_id, a.shard, 'referral_code', b.id, b.version
FROM blank b JOIN projects p ON p.id = b.project_id JOIN accounts a ON a.id = p.account_id;
