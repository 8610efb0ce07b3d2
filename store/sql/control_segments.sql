-- Segments by name. Who is in one stands with the customer.

-- fragment: segment_rows
SELECT id, name, rule, metadata::text AS metadata, created_at, updated_at FROM segments

-- name: control_ensure_segment
INSERT INTO segments (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_segment
-- use: segment_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_segment
UPDATE segments SET name = $3, rule = $4, metadata = $5::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, name, rule, metadata::text AS metadata, created_at, updated_at;

-- name: control_delete_segment
DELETE FROM segments WHERE project_id = $1 AND id = $2;

-- name: control_segment
-- use: segment_rows
WHERE project_id = $1 AND id = $2;

-- name: control_segments
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: segment_rows
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_search_segments_by_id
SELECT id, id AS search_key, name, rule, metadata::text AS metadata, created_at, updated_at
FROM segments
WHERE project_id = $1 AND id >= $2 AND id < $2 || chr(1114111) AND id > $3 AND $4 >= ''
    AND ($6::text IS NULL OR id = $6)
ORDER BY id
LIMIT $5;

-- name: control_search_segments_by_name
SELECT id, name_key AS search_key, name, rule, metadata::text AS metadata, created_at, updated_at
FROM segments
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND ($6::text IS NULL OR id = $6)
ORDER BY name_key, id
LIMIT $5;

-- name: control_segment_rules
-- Of all segments that have one, as text: each is compiled once.
SELECT id, rule::text AS rule FROM segments WHERE project_id = $1 AND rule IS NOT NULL ORDER BY id;

-- name: control_share_segment_rules
-- Whoever says what is so of a customer holds this before the customer's row, and whoever changes a rule the other: so
-- nobody writes what an older rule says behind the back of the walk that follows a change.
SELECT pg_advisory_xact_lock_shared(1986421615, hashtext($1));

-- name: control_hold_segment_rules
SELECT pg_advisory_xact_lock(1986421615, hashtext($1));

-- name: control_members_of_segment
-- $2, $3: the last row of the page before, or NULL; $5 the segment. Newest customers first.
SELECT m.customer_id AS id, m.created_at, $5 = ANY (r.segments) AS stated, $5 = ANY (r.rule_segments) AS by_rule
FROM customer_segments m JOIN customers r ON r.project_id = m.project_id AND r.id = m.customer_id
WHERE m.project_id = $1 AND m.segment_id = $5
    AND (m.created_at, m.customer_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY m.created_at DESC, m.customer_id DESC
LIMIT $4;

-- name: control_is_segment_empty
SELECT NOT EXISTS (SELECT FROM customer_segments m WHERE m.project_id = $1 AND m.segment_id = $2);

-- name: control_lock_members_of_segment
-- $2 the segment, $3, $4 the last member before, $5 how many: oldest first, locked until the transaction ends.
SELECT r.id, m.created_at, r.segments AS stated, r.rule_segments AS by_rule, r.metadata::text AS metadata
FROM customer_segments m JOIN customers r ON r.project_id = m.project_id AND r.id = m.customer_id
WHERE m.project_id = $1 AND m.segment_id = $2
    AND (m.created_at, m.customer_id) > (COALESCE($3::timestamptz, '-infinity'), COALESCE($4::text, ''))
ORDER BY m.created_at, m.customer_id
LIMIT $5
FOR UPDATE OF r;

-- name: control_lock_customers_behind
-- The next $3 customers behind the id $2, of those whom the shop keeps here, locked until the transaction ends.
SELECT r.id, r.created_at, r.segments AS stated, r.rule_segments AS by_rule, r.metadata::text AS metadata
FROM customers r
WHERE r.project_id = $1 AND r.id > $2 AND r.updated_at IS NOT NULL
ORDER BY r.id
LIMIT $3
FOR UPDATE;

-- name: control_lock_customers_named
SELECT r.id, r.created_at, r.segments AS stated, r.rule_segments AS by_rule, r.metadata::text AS metadata
FROM customers r
WHERE r.project_id = $1 AND r.id = ANY ($2::text[])
ORDER BY r.id
FOR UPDATE;

-- name: control_regroup_customers
-- $2 ids; $3, $4 the segments that each is in by what was said of it, and by rules, as JSON. The newest versions.
UPDATE customers r
SET segments = ARRAY(SELECT jsonb_array_elements_text(n.stated)),
    rule_segments = ARRAY(SELECT jsonb_array_elements_text(n.by_rule)), updated_at = now(),
    version = greatest(r.version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
FROM unnest($2::text[], $3::jsonb[], $4::jsonb[]) AS n (id, stated, by_rule)
WHERE r.project_id = $1 AND r.id = n.id
RETURNING r.id, r.version;
