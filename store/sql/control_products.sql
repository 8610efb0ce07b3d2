-- Products as far as rules and discounts read them. One that is gone keeps its row, blank, for its version.

-- fragment: product_rows
SELECT id, name, price_minor, categories, collections, rule_collections, metadata::text AS metadata, version,
    created_at, updated_at, deleted_at
FROM products

-- fragment: product_columns
    p.id, p.name, p.price_minor, p.categories, p.collections, p.rule_collections, p.metadata::text AS metadata,
    p.version, p.created_at, p.updated_at, p.deleted_at

-- fragment: narrowed_products
    AND ($6::text IS NULL OR p.id = $6) AND ($7::text IS NULL OR $7 = ANY (p.categories))
    AND ($8::text IS NULL OR $8 = ANY (p.collections) OR $8 = ANY (p.rule_collections))

-- name: control_ensure_product
INSERT INTO products (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_product
-- Changes of one product are made one after another.
-- use: product_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_product
-- One that comes back is made anew.
UPDATE products
SET version = $3, name = $4, price_minor = $5, categories = $6, collections = $7, metadata = $8::text::jsonb,
    rule_collections = $9, updated_at = now(),
    created_at = CASE WHEN deleted_at IS NULL THEN created_at ELSE now() END, deleted_at = NULL
WHERE project_id = $1 AND id = $2
RETURNING id, name, price_minor, categories, collections, rule_collections, metadata::text AS metadata, version,
    created_at, updated_at, deleted_at;

-- name: control_delete_product
UPDATE products
SET version = $3, name = NULL, price_minor = NULL, categories = '{}', collections = '{}', rule_collections = '{}',
    metadata = '{}', updated_at = now(), deleted_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_product
-- use: product_rows
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL;

-- name: control_product_narrowed
-- $3 category, $4 collection, or NULL.
-- use: product_rows
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR $3 = ANY (categories))
    AND ($4::text IS NULL OR $4 = ANY (collections) OR $4 = ANY (rule_collections));

-- name: control_products
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: product_rows
WHERE project_id = $1 AND deleted_at IS NULL
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_products_labelled
-- $5 the kind of the label, $6 the label.
SELECT
-- use: product_columns
FROM product_labels l JOIN products p ON p.project_id = l.project_id AND p.id = l.product_id
WHERE l.project_id = $1 AND l.kind = $5 AND l.label = $6
    AND (l.created_at, l.product_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY l.created_at DESC, l.product_id DESC
LIMIT $4;

-- name: control_products_of_collection_and_category
-- $5 the collection, $6 the category: whichever fewer have is walked.
SELECT
-- use: product_columns
FROM product_labels l
JOIN product_labels c ON c.project_id = l.project_id AND c.product_id = l.product_id AND c.kind = 'category'
JOIN products p ON p.project_id = l.project_id AND p.id = l.product_id
WHERE l.project_id = $1 AND c.project_id = $1 AND l.kind = 'collection' AND l.label = $5 AND c.label = $6
    AND (l.created_at, l.product_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY l.created_at DESC, l.product_id DESC
LIMIT $4;

-- name: control_search_products_by_id
SELECT p.id AS search_key,
-- use: product_columns
FROM products p
WHERE p.project_id = $1 AND p.id >= $2 AND p.id < $2 || chr(1114111) AND p.id > $3 AND $4 >= ''
    AND p.deleted_at IS NULL
-- use: narrowed_products
ORDER BY p.id
LIMIT $5;

-- name: control_search_products_by_name
SELECT p.name_key AS search_key,
-- use: product_columns
FROM products p
WHERE p.project_id = $1 AND p.name_key >= search_key($2) AND p.name_key < search_key($2) || chr(1114111)
    AND (p.name_key, p.id) > ($3, $4) AND NOT (p.id >= $2 AND p.id < $2 || chr(1114111))
-- use: narrowed_products
ORDER BY p.name_key, p.id
LIMIT $5;
