-- Projects of an account.

-- name: control_insert_project
INSERT INTO projects (account_id, id, name, currency, currency_decimals) VALUES ($1, $2, $3, $4, $5)
RETURNING id, name, currency, mode, status, release_withheld_after_s, created_at;

-- name: control_project
SELECT id, name, currency, currency_decimals, mode, status, release_withheld_after_s, created_at FROM projects
WHERE account_id = $1 AND id = $2;

-- name: control_lock_project
SELECT id, name, currency, mode, status, release_withheld_after_s, created_at FROM projects
WHERE account_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_project
UPDATE projects SET name = $3, release_withheld_after_s = $4 WHERE account_id = $1 AND id = $2
RETURNING id, name, currency, mode, status, release_withheld_after_s, created_at;

-- name: control_projects
-- $2, $3: the last row of the page before, or NULL. Newest first.
SELECT id, name, currency, mode, status, release_withheld_after_s, created_at FROM projects
WHERE account_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC
LIMIT $4;
