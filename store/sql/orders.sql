-- Customers' orders as the ledger has them.

-- name: customer_orders
-- $1 project, $2 customers. How many redemptions each has had, and how many of them were rolled back.
SELECT customer_id, count(*) AS granted, count(*) FILTER (WHERE status = 'rolled_back') AS returned
FROM redemptions
WHERE project_id = $1 AND customer_id = ANY($2::text[])
GROUP BY customer_id;
