-- Segments by name. Who is in one stands with the customer.

-- name: control_ensure_segment
INSERT INTO segments (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_segment
SELECT id, name, metadata::text AS metadata, created_at, updated_at FROM segments
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_segment
UPDATE segments SET name = $3, metadata = $4::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2
RETURNING id, name, metadata::text AS metadata, created_at, updated_at;

-- name: control_segment
SELECT id, name, metadata::text AS metadata, created_at, updated_at FROM segments
WHERE project_id = $1 AND id = $2;

-- name: control_segments
-- $2, $3: the last row of the page before, or NULL. Newest first.
SELECT id, name, metadata::text AS metadata, created_at, updated_at FROM segments
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;
