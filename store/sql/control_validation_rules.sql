-- Validation rules as the control plane writes and shows them.

-- name: control_insert_validation_rule
INSERT INTO validation_rules (project_id, id, name, rule, metadata, counts_since)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6)
RETURNING id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at;

-- name: control_validation_rule
SELECT id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at
FROM validation_rules
WHERE project_id = $1 AND id = $2;

-- name: control_lock_validation_rule
-- Changes of one rule are made one after another.
SELECT id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at
FROM validation_rules
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_validation_rule
UPDATE validation_rules SET name = $3, version = $4, rule = $5, metadata = $6::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at;

-- name: control_validation_rules
-- $2, $3: the last row of the page before, or NULL. Newest first.
SELECT id, project_id, name, rule, metadata::text AS metadata, version, counts_since, created_at, updated_at
FROM validation_rules
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_known_validation_rules
-- Those of $2 that there are.
SELECT id FROM validation_rules WHERE project_id = $1 AND id = ANY($2::text[]);
