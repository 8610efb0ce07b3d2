-- Who changed what.

-- name: control_insert_audit
INSERT INTO audit_log (account_id, project_id, id, actor, action, object, object_id, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);
