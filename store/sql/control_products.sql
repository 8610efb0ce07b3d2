-- Products as far as rules and discounts read them.

-- name: control_ensure_product
INSERT INTO products (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_product
-- Changes of one product are made one after another.
SELECT id, name, price_minor, categories, collections, metadata::text AS metadata, version, created_at, updated_at
FROM products
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_product
UPDATE products
SET version = $3, name = $4, price_minor = $5, categories = $6, collections = $7, metadata = $8::text::jsonb,
    updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, name, price_minor, categories, collections, metadata::text AS metadata, version, created_at, updated_at;

-- name: control_product
SELECT id, name, price_minor, categories, collections, metadata::text AS metadata, version, created_at, updated_at
FROM products
WHERE project_id = $1 AND id = $2;

-- name: control_products
-- $2, $3: the last row of the page before, or NULL. Newest first.
SELECT id, name, price_minor, categories, collections, metadata::text AS metadata, version, created_at, updated_at
FROM products
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;
