-- SKUs: what is sold of a product. One that is gone keeps its row, blank, for its version.

-- fragment: sku_rows
SELECT id, product_id, name, price_minor, attributes::text AS attributes, metadata::text AS metadata, version,
    created_at, updated_at, deleted_at
FROM skus

-- name: control_ensure_sku
INSERT INTO skus (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_sku
-- use: sku_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_sku
-- One that comes back is made anew.
UPDATE skus
SET version = $3, product_id = $4, name = $5, price_minor = $6, attributes = $7::text::jsonb,
    metadata = $8::text::jsonb, updated_at = now(),
    created_at = CASE WHEN deleted_at IS NULL THEN created_at ELSE now() END, deleted_at = NULL
WHERE project_id = $1 AND id = $2
RETURNING id, product_id, name, price_minor, attributes::text AS attributes, metadata::text AS metadata, version,
    created_at, updated_at, deleted_at;

-- name: control_delete_sku
UPDATE skus
SET version = $3, product_id = NULL, name = NULL, price_minor = NULL, attributes = '{}', metadata = '{}',
    updated_at = now(), deleted_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_sku
-- use: sku_rows
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL;

-- name: control_sku_narrowed
-- $3 the product or NULL.
-- use: sku_rows
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR product_id = $3);

-- name: control_skus
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: sku_rows
WHERE project_id = $1 AND deleted_at IS NULL
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_skus_of_product
-- As above; $5 the product.
-- use: sku_rows
WHERE project_id = $1 AND product_id = $5 AND deleted_at IS NULL
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_search_skus_by_id
SELECT id, id AS search_key, product_id, name, price_minor, attributes::text AS attributes,
    metadata::text AS metadata, version, created_at, updated_at, deleted_at
FROM skus
WHERE project_id = $1 AND id >= $2 AND id < $2 || chr(1114111) AND id > $3 AND $4 >= '' AND deleted_at IS NULL
    AND ($6::text IS NULL OR id = $6) AND ($7::text IS NULL OR product_id = $7)
ORDER BY id
LIMIT $5;

-- name: control_search_skus_by_name
SELECT id, name_key AS search_key, product_id, name, price_minor, attributes::text AS attributes,
    metadata::text AS metadata, version, created_at, updated_at, deleted_at
FROM skus
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND ($6::text IS NULL OR id = $6) AND ($7::text IS NULL OR product_id = $7)
ORDER BY name_key, id
LIMIT $5;
