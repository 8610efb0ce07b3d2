-- What metadata must look like. `id`: the name of the thing, of which there is one schema a project. The properties go
-- as text: jsonb's numbers are not floats.

-- fragment: metadata_schema_rows
SELECT object AS id, properties::text AS properties, allow_undefined, created_at, updated_at FROM metadata_schemas

-- name: control_metadata_schema
-- use: metadata_schema_rows
WHERE project_id = $1 AND object = $2;

-- name: control_lock_metadata_schema
-- use: metadata_schema_rows
WHERE project_id = $1 AND object = $2
FOR UPDATE;

-- name: control_metadata_schemas
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: metadata_schema_rows
WHERE project_id = $1 AND (created_at, object) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, object DESC
LIMIT $4;

-- name: control_put_metadata_schema
INSERT INTO metadata_schemas (project_id, object, properties, allow_undefined) VALUES ($1, $2, $3::text::jsonb, $4)
ON CONFLICT (project_id, object) DO UPDATE
SET properties = excluded.properties, allow_undefined = excluded.allow_undefined, updated_at = now()
RETURNING object AS id, properties::text AS properties, allow_undefined, created_at, updated_at;

-- name: control_delete_metadata_schema
DELETE FROM metadata_schemas WHERE project_id = $1 AND object = $2;
