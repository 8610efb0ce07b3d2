-- Collections by name. Who is in one stands with the product.

-- fragment: collection_rows
SELECT id, name, rule, metadata::text AS metadata, created_at, updated_at FROM collections

-- name: control_ensure_collection
INSERT INTO collections (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_collection
-- use: collection_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_collection
UPDATE collections SET name = $3, rule = $4, metadata = $5::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, name, rule, metadata::text AS metadata, created_at, updated_at;

-- name: control_delete_collection
DELETE FROM collections WHERE project_id = $1 AND id = $2;

-- name: control_collection
-- use: collection_rows
WHERE project_id = $1 AND id = $2;

-- name: control_collections
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: collection_rows
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_search_collections_by_id
SELECT id, id AS search_key, name, rule, metadata::text AS metadata, created_at, updated_at
FROM collections
WHERE project_id = $1 AND id >= $2 AND id < $2 || chr(1114111) AND id > $3 AND $4 >= ''
    AND ($6::text IS NULL OR id = $6)
ORDER BY id
LIMIT $5;

-- name: control_search_collections_by_name
SELECT id, name_key AS search_key, name, rule, metadata::text AS metadata, created_at, updated_at
FROM collections
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND ($6::text IS NULL OR id = $6)
ORDER BY name_key, id
LIMIT $5;

-- name: control_collection_rules
-- Of all collections that have one, as text: each is compiled once.
SELECT id, rule::text AS rule FROM collections WHERE project_id = $1 AND rule IS NOT NULL ORDER BY id;

-- name: control_share_collection_rules
-- Whoever says what is so of a product holds this before the product's row, and whoever changes a rule the other: so
-- nobody writes what an older rule says behind the back of the walk that follows a change.
SELECT pg_advisory_xact_lock_shared(1986421616, hashtext($1));

-- name: control_hold_collection_rules
SELECT pg_advisory_xact_lock(1986421616, hashtext($1));

-- name: control_members_of_collection
-- $2, $3: the last row of the page before, or NULL; $5 the collection. Newest products first.
SELECT m.product_id AS id, m.created_at, $5 = ANY (r.collections) AS stated, $5 = ANY (r.rule_collections) AS by_rule
FROM product_labels m JOIN products r ON r.project_id = m.project_id AND r.id = m.product_id
WHERE m.project_id = $1 AND m.kind = 'collection' AND m.label = $5
    AND (m.created_at, m.product_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY m.created_at DESC, m.product_id DESC
LIMIT $4;

-- name: control_is_collection_empty
SELECT NOT EXISTS (SELECT FROM product_labels m WHERE m.project_id = $1 AND m.kind = 'collection' AND m.label = $2);

-- name: control_lock_members_of_collection
-- $2 the collection, $3, $4 the last member before, $5 how many: oldest first, locked until the transaction ends.
SELECT r.id, m.created_at, r.collections AS stated, r.rule_collections AS by_rule, r.metadata::text AS metadata,
    r.categories, r.price_minor
FROM product_labels m JOIN products r ON r.project_id = m.project_id AND r.id = m.product_id
WHERE m.project_id = $1 AND m.kind = 'collection' AND m.label = $2
    AND (m.created_at, m.product_id) > (COALESCE($3::timestamptz, '-infinity'), COALESCE($4::text, ''))
ORDER BY m.created_at, m.product_id
LIMIT $5
FOR UPDATE OF r;

-- name: control_lock_products_behind
-- The next $3 products behind the id $2, locked until the transaction ends.
SELECT r.id, r.created_at, r.collections AS stated, r.rule_collections AS by_rule, r.metadata::text AS metadata,
    r.categories, r.price_minor
FROM products r
WHERE r.project_id = $1 AND r.id > $2 AND r.deleted_at IS NULL
ORDER BY r.id
LIMIT $3
FOR UPDATE;

-- name: control_lock_products_named
SELECT r.id, r.created_at, r.collections AS stated, r.rule_collections AS by_rule, r.metadata::text AS metadata,
    r.categories, r.price_minor
FROM products r
WHERE r.project_id = $1 AND r.id = ANY ($2::text[]) AND r.deleted_at IS NULL
ORDER BY r.id
FOR UPDATE;

-- name: control_regroup_products
-- $2 ids; $3, $4 the collections that each is in by what was said of it, and by rules, as JSON. The newest versions.
UPDATE products r
SET collections = ARRAY(SELECT jsonb_array_elements_text(n.stated)),
    rule_collections = ARRAY(SELECT jsonb_array_elements_text(n.by_rule)), updated_at = now(), version = r.version + 1
FROM unnest($2::text[], $3::jsonb[], $4::jsonb[]) AS n (id, stated, by_rule)
WHERE r.project_id = $1 AND r.id = n.id
RETURNING r.id, r.version;
