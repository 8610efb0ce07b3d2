-- Projects of an account.

-- name: control_insert_project
-- $6: the project whose twin for tests this is, or NULL.
INSERT INTO projects (account_id, id, name, currency, currency_decimals, twin_of, mode)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6::text IS NULL THEN 'live' ELSE 'test' END)
RETURNING id, name, currency, mode, status, release_withheld_after_s, twin_of, created_at;

-- name: control_project
SELECT id, name, currency, currency_decimals, mode, status, release_withheld_after_s, twin_of, created_at FROM projects
WHERE account_id = $1 AND id = $2;

-- name: control_lock_project
SELECT id, name, currency, mode, status, release_withheld_after_s, twin_of, created_at FROM projects
WHERE account_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_project
UPDATE projects SET name = $3, release_withheld_after_s = $4 WHERE account_id = $1 AND id = $2
RETURNING id, name, currency, mode, status, release_withheld_after_s, twin_of, created_at;

-- name: control_projects
-- $2, $3: the last row of the page before, or NULL; $4 the projects that a member is confined to, or NULL. Newest first.
SELECT id, name, currency, mode, status, release_withheld_after_s, twin_of, created_at FROM projects
WHERE account_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND ($4::text[] IS NULL OR id = ANY ($4))
ORDER BY created_at DESC, id DESC
LIMIT $5;
