-- Taking a person out of what is kept: functions of the role vauchflow_eraser, each of which does a part. $1 is the
-- project and $2 the customer throughout.

-- name: erase_redemptions
SELECT record_id, body, made_at, is_redemption, own_counters FROM erase_redemptions($1, $2, $3);

-- name: erase_reservations
SELECT last_id, erased, held_count FROM erase_reservations($1, $2, $3, $4);

-- name: erase_events
SELECT erase_events($1, $2, $3);

-- name: erase_referrals
SELECT erase_referrals($1, $2, $3);

-- name: erase_belongings
SELECT object, object_id, version FROM erase_belongings($1, $2, $3);

-- name: erase_owner_of_gift_cards
-- Money is whoever's has the code.
UPDATE gift_cards g SET customer_id = NULL, version = g.version + 1, updated_at = now()
WHERE g.project_id = $1 AND g.id = ANY (ARRAY(SELECT f.id FROM gift_cards f
    WHERE f.project_id = $1 AND f.customer_id = $2 ORDER BY f.id LIMIT $3 FOR UPDATE))
RETURNING 'gift_card' AS object, g.id AS object_id, g.version;

-- name: erase_owner_of_vouchers
UPDATE vouchers v SET customer_id = NULL, version = v.version + 1, updated_at = now()
WHERE v.project_id = $1 AND v.id = ANY (ARRAY(SELECT f.id FROM vouchers f
    WHERE f.project_id = $1 AND f.customer_id = $2 ORDER BY f.id LIMIT $3 FOR UPDATE))
RETURNING 'voucher' AS object, v.id AS object_id, v.version;

-- name: erase_publications
SELECT erase_publications($1, $2, $3);

-- name: erase_orders
-- What was bought stays: returns and points are counted by it.
WITH erased AS (
    UPDATE orders o SET customer_id = NULL, metadata = '{}'
    WHERE o.project_id = $1 AND o.id = ANY (ARRAY(SELECT f.id FROM orders f
        WHERE f.project_id = $1 AND f.customer_id = $2 ORDER BY f.id LIMIT $3 FOR UPDATE))
    RETURNING o.id)
SELECT count(*)::int FROM erased;

-- name: erase_traces
SELECT erase_traces($1, $2);

-- name: drop_customer
DELETE FROM customers WHERE project_id = $1 AND id = $2
RETURNING greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);

-- name: shard_of_project
SELECT a.shard FROM projects p JOIN accounts a ON a.id = p.account_id WHERE p.id = $1;
