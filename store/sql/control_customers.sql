-- Customers as shops keep them here; those whom the ledger has met are there already, blank.

-- fragment: customer_rows
SELECT id, name, email, segments, metadata::text AS metadata, version, created_at, updated_at FROM customers

-- name: control_ensure_customer
INSERT INTO customers (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_customer
-- Changes of one customer are made one after another.
-- use: customer_rows
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
-- use: customer_rows
WHERE project_id = $1 AND id = $2;

-- name: control_customers
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: customer_rows
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_search_customers_by_id
SELECT id, id AS search_key, name, email, segments, metadata::text AS metadata, version, created_at, updated_at
FROM customers
WHERE project_id = $1 AND id >= $2 AND id < $2 || chr(1114111) AND id > $3 AND $4 >= ''
    AND ($6::text IS NULL OR id = $6)
ORDER BY id
LIMIT $5;

-- name: control_search_customers_by_email
SELECT id, email_key AS search_key, name, email, segments, metadata::text AS metadata, version, created_at, updated_at
FROM customers
WHERE project_id = $1 AND email_key >= search_key($2) AND email_key < search_key($2) || chr(1114111)
    AND (email_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND ($6::text IS NULL OR id = $6)
ORDER BY email_key, id
LIMIT $5;

-- name: control_search_customers_by_name
SELECT id, name_key AS search_key, name, email, segments, metadata::text AS metadata, version, created_at, updated_at
FROM customers
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND (email_key IS NULL OR NOT (email_key >= search_key($2) AND email_key < search_key($2) || chr(1114111)))
    AND ($6::text IS NULL OR id = $6)
ORDER BY name_key, id
LIMIT $5;
