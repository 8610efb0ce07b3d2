-- Orders: what a shop keeps of them, with what was paid and refunded of each, and its last redemption's amount.

-- fragment: order_rows
SELECT o.id, o.id AS search_key, o.customer_id, o.status, o.amount_minor, o.shipping_minor, o.total_minor,
    o.items::text AS items, o.metadata::text AS metadata, o.created_at, o.updated_at, p.total_minor AS paid_minor,
    COALESCE(p.refunded_minor, 0) AS refunded_minor, COALESCE(p.is_refunded, false) AS is_refunded,
    (SELECT r.order_value_minor FROM redemptions r WHERE r.project_id = o.project_id AND r.order_id = o.id
        ORDER BY r.created_at DESC, r.id DESC LIMIT 1) AS redeemed_minor
FROM orders o
LEFT JOIN paid_orders p ON p.project_id = o.project_id AND p.order_id = o.id

-- name: control_note_order
-- An event names it: $3 customer or NULL, $4 whether it was paid. What the shop has said of it stays.
INSERT INTO orders AS o (project_id, id, customer_id, status)
VALUES ($1, $2, $3, CASE WHEN $4::boolean THEN 'paid' ELSE 'created' END)
ON CONFLICT (project_id, id) DO UPDATE
SET customer_id = COALESCE(o.customer_id, excluded.customer_id),
    status = CASE WHEN o.status = 'created' THEN excluded.status ELSE o.status END;

-- name: control_ensure_shop_order
INSERT INTO orders (project_id, id) VALUES ($1, $2) ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_shop_order
-- Changes of one order are made one after another.
-- use: order_rows
WHERE o.project_id = $1 AND o.id = $2
FOR UPDATE OF o;

-- name: control_update_shop_order
UPDATE orders SET customer_id = $3, status = $4, amount_minor = $5, shipping_minor = $6, total_minor = $7,
    items = $8::text::jsonb, metadata = $9::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_shop_order
-- use: order_rows
WHERE o.project_id = $1 AND o.id = $2;

-- name: control_shop_order_narrowed
-- $3 customer, $4 status, $5 from, $6 until before, or NULL.
-- use: order_rows
WHERE o.project_id = $1 AND o.id = $2 AND ($3::text IS NULL OR o.customer_id = $3)
    AND ($4::text IS NULL OR o.status = $4)
    AND o.created_at >= COALESCE($5::timestamptz, '-infinity') AND o.created_at < COALESCE($6::timestamptz, 'infinity');

-- name: control_shop_orders
-- $2, $3: the last row of the page before, or NULL; $5 from, $6 until before, or NULL. Newest first.
-- use: order_rows
WHERE o.project_id = $1 AND (o.created_at, o.id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND o.created_at >= COALESCE($5::timestamptz, '-infinity') AND o.created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY o.created_at DESC, o.id DESC
LIMIT $4;

-- name: control_shop_orders_of_status
-- The same of status $7.
-- use: order_rows
WHERE o.project_id = $1 AND o.status = $7
    AND (o.created_at, o.id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND o.created_at >= COALESCE($5::timestamptz, '-infinity') AND o.created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY o.created_at DESC, o.id DESC
LIMIT $4;

-- name: control_shop_orders_of_customer
-- The same of customer $8, in status $7 or NULL.
-- use: order_rows
WHERE o.project_id = $1 AND o.customer_id = $8 AND ($7::text IS NULL OR o.status = $7)
    AND (o.created_at, o.id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND o.created_at >= COALESCE($5::timestamptz, '-infinity') AND o.created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY o.created_at DESC, o.id DESC
LIMIT $4;

-- name: control_search_shop_orders
-- By the beginning of the id; $6 id, $7 customer, $8 status, $9 from, $10 until before, or NULL.
-- use: order_rows
WHERE o.project_id = $1 AND o.id >= $2 AND o.id < $2 || chr(1114111) AND o.id > $3 AND $4 >= ''
    AND ($6::text IS NULL OR o.id = $6) AND ($7::text IS NULL OR o.customer_id = $7)
    AND ($8::text IS NULL OR o.status = $8)
    AND o.created_at >= COALESCE($9::timestamptz, '-infinity')
    AND o.created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY o.id
LIMIT $5;

-- name: control_points_of_order
-- Of $3, as entries name it, on the cards of customer $2: earned, and taken back because of a refund.
SELECT c.id, c.code, c.program_id, COALESCE(sum(e.points) FILTER (WHERE e.type = 'earn'), 0)::bigint AS earned,
    COALESCE(-sum(e.points) FILTER (WHERE e.type = 'take_back' AND e.reason = 'order.refunded'), 0)::bigint
        AS taken_back
FROM loyalty_cards c
JOIN loyalty_entries e ON e.project_id = c.project_id AND e.card_id = c.id AND e.source = $3
WHERE c.project_id = $1 AND c.customer_id = $2
GROUP BY c.id, c.code, c.program_id
ORDER BY c.id;

-- name: control_rollbacks_of_redemptions
SELECT redemption_id, id, is_whole, refund_minor, created_at FROM redemption_rollbacks
WHERE project_id = $1 AND redemption_id = ANY($2::text[])
ORDER BY redemption_id, revision;

-- name: control_redeemed_order
-- The last redemption of the order, as the ledger took it in.
SELECT body FROM redemptions WHERE project_id = $1 AND order_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1;
