-- Events that a shop reports of its customers, the orders among them, and whose cards earn by them.

-- name: control_insert_event
-- No row comes back where the event came before.
INSERT INTO customer_events (project_id, type, id, customer_id, order_id, occurred_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: control_event
SELECT id, type, customer_id, order_id, effect, created_at FROM customer_events
WHERE project_id = $1 AND type = $2 AND id = $3;

-- name: control_keep_effect
UPDATE customer_events SET effect = $4 WHERE project_id = $1 AND type = $2 AND id = $3;

-- name: control_ensure_order
INSERT INTO paid_orders (project_id, order_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: control_lock_order
-- What is told of one order is heard one after another.
SELECT customer_id, event_id, total_minor, refunded_minor, is_refunded FROM paid_orders
WHERE project_id = $1 AND order_id = $2
FOR UPDATE;

-- name: control_update_order
UPDATE paid_orders SET customer_id = $3, event_id = $4, total_minor = $5, refunded_minor = $6, is_refunded = $7
WHERE project_id = $1 AND order_id = $2;

-- name: control_cards_that_earn
-- Locked in the order of their ids, as whoever posts to several cards does.
SELECT c.id, c.code, c.program_id, c.earned_total, p.program, p.rules
FROM loyalty_cards c
JOIN campaigns p ON p.project_id = c.project_id AND p.id = c.program_id
WHERE c.project_id = $1 AND c.customer_id = $2 AND p.status = 'active'
ORDER BY c.id
FOR UPDATE OF c;

-- name: control_lock_cards_of_customer
SELECT id FROM loyalty_cards WHERE project_id = $1 AND customer_id = $2 ORDER BY id FOR UPDATE;

-- name: control_points_of_source
-- What customer $2 has earned by $3, on which card and in which lot.
SELECT c.id, c.code, c.program_id, e.expires_ms, sum(e.points)::bigint AS points
FROM loyalty_cards c
JOIN loyalty_entries e ON e.project_id = c.project_id AND e.card_id = c.id AND e.source = $3 AND e.type = 'earn'
WHERE c.project_id = $1 AND c.customer_id = $2
GROUP BY c.id, c.code, c.program_id, e.expires_ms
ORDER BY c.id, e.expires_ms;
