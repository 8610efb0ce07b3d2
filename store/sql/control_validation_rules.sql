-- Validation rules as the control plane writes and shows them.

-- fragment: validation_rule_rows
SELECT id, project_id, name, name_key AS search_key, rule, metadata::text AS metadata, version,
    counts_since, created_at, updated_at
FROM validation_rules

-- name: control_insert_validation_rule
INSERT INTO validation_rules (project_id, id, name, rule, metadata, counts_since)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)
RETURNING id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at;

-- name: control_validation_rule
-- use: validation_rule_rows
WHERE project_id = $1 AND id = $2;

-- name: control_lock_validation_rule
-- Changes of one rule are made one after another.
-- use: validation_rule_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_validation_rule
UPDATE validation_rules SET name = $3, version = $4, rule = $5, metadata = $6::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at;

-- name: control_validation_rules
-- $2, $3: the last row of the page before, or NULL; $5 since, or NULL. Newest first.
-- use: validation_rule_rows
WHERE project_id = $1 AND created_at >= COALESCE($5::timestamptz, '-infinity')
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_search_validation_rules
-- By the beginning of the name; $6 since, $7 until, or NULL.
-- use: validation_rule_rows
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4)
    AND created_at >= COALESCE($6::timestamptz, '-infinity') AND created_at < COALESCE($7::timestamptz, 'infinity')
ORDER BY name_key, id
LIMIT $5;

-- name: control_delete_validation_rule
DELETE FROM validation_rules WHERE project_id = $1 AND id = $2;

-- name: control_is_validation_rule_named
SELECT EXISTS (SELECT FROM validation_rule_assignments WHERE project_id = $1 AND rule_id = $2);

-- name: control_assignments_of_rule
-- What names rule $2; $3, $4: the last row of the page before, or NULL. Newest first.
SELECT object_id AS id, rule_id, object, created_at FROM validation_rule_assignments
WHERE project_id = $1 AND rule_id = $2
    AND (created_at, object_id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY created_at DESC, object_id DESC
LIMIT $5;

-- name: control_known_validation_rules
-- Those of $2 that there are; none of them is deleted before the transaction is over.
SELECT id FROM validation_rules WHERE project_id = $1 AND id = ANY($2::text[]) ORDER BY id FOR KEY SHARE;
