-- A project's settings: what PUT /v1/stacking-rules says, and from when on orders are counted.

-- name: control_ensure_settings
-- $2 the settings of a project that has none yet.
INSERT INTO project_settings (project_id, settings) VALUES ($1, $2)
ON CONFLICT (project_id) DO NOTHING;

-- name: control_lock_settings
-- Changes of one project's settings are made one after another.
SELECT project_id, version, settings, updated_at FROM project_settings WHERE project_id = $1
FOR UPDATE;

-- name: control_settings
SELECT project_id, version, settings, updated_at FROM project_settings WHERE project_id = $1;

-- name: control_update_settings
UPDATE project_settings SET version = $2, settings = $3, updated_at = now() WHERE project_id = $1
RETURNING project_id, version, settings, updated_at;
