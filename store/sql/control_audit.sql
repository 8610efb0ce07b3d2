-- Who changed what.

-- name: control_insert_audit
INSERT INTO audit_log (account_id, project_id, id, actor, action, object, object_id, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: control_audit_own
SELECT audit_own($1, $2, $3);

-- name: control_audit_log
-- $2, $3: the last row of the page before, or NULL; $4 project, $5 object, $6 its id, $7 actor, $8 action, $9 since and
-- $10 until (exclusive), each NULL where it does not matter. Newest first.
SELECT id, project_id, actor, action, object, object_id, before, after, created_at FROM audit_log
WHERE account_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND ($4::text IS NULL OR project_id = $4) AND ($5::text IS NULL OR object = $5)
    AND ($6::text IS NULL OR object_id = $6) AND ($7::text IS NULL OR actor = $7)
    AND ($8::text IS NULL OR action = $8) AND created_at >= COALESCE($9::timestamptz, '-infinity')
    AND created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY created_at DESC, id DESC
LIMIT $11;

-- name: control_audit_log_of_project
-- Of project $1, for an export; $2, $3: the last row of the page before, or NULL; $4 object, $5 its id, $6 actor, $7
-- action, $8 since, each NULL where it does not matter. Newest first.
SELECT id, project_id, actor, action, object, object_id, before, after, created_at FROM audit_log
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND ($4::text IS NULL OR object = $4) AND ($5::text IS NULL OR object_id = $5)
    AND ($6::text IS NULL OR actor = $6) AND ($7::text IS NULL OR action = $7)
    AND created_at >= COALESCE($8::timestamptz, '-infinity')
ORDER BY created_at DESC, id DESC
LIMIT $9;
