-- Quarantine as a project sees its own; who writes it is the reconciler.

-- name: control_quarantine_entry
SELECT id, status, reason, detail, redemption_id, created_at, resolved_at, resolved_by FROM quarantine
WHERE project_id = $1 AND id = $2;

-- name: control_quarantine_entries
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL. Newest first.
SELECT id, status, reason, detail, redemption_id, created_at, resolved_at, resolved_by FROM quarantine
WHERE project_id = $1 AND ($2::text IS NULL OR status = $2)
    AND (created_at, id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $5;
