-- Customers as shops keep them here; those whom the ledger has met are there already, blank.

-- name: control_ensure_customer
INSERT INTO customers (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_customer
-- Changes of one customer are made one after another.
SELECT id, name, email, segments, metadata::text AS metadata, version, created_at, updated_at FROM customers
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_customer
-- The version is the time, where it can be: one who was erased and comes back is newer than what Redis may still have.
UPDATE customers
SET name = $3, email = $4, segments = $5, metadata = $6::text::jsonb, updated_at = now(),
    version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
WHERE project_id = $1 AND id = $2
RETURNING id, name, email, segments, metadata::text AS metadata, version, created_at, updated_at;

-- name: control_customer
SELECT id, name, email, segments, metadata::text AS metadata, version, created_at, updated_at FROM customers
WHERE project_id = $1 AND id = $2;

-- name: control_customers
-- $2, $3: the last row of the page before, or NULL. Newest first.
SELECT id, name, email, segments, metadata::text AS metadata, version, created_at, updated_at FROM customers
WHERE project_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC
LIMIT $4;
