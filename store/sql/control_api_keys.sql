-- API keys: their hash and a hint, never the key.

-- name: control_insert_api_key
INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING created_at;

-- name: control_api_keys
-- $2 project, or NULL for all of the account's; $3, $4: the last row of the page before, or NULL. Newest first.
SELECT id, type, project_id, hint, created_at, revoked_at FROM api_keys
WHERE account_id = $1 AND ($2::text IS NULL OR project_id = $2)
    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
ORDER BY created_at DESC, id DESC
LIMIT $5;

-- name: control_revoke_api_key
-- A key that was revoked before keeps the time at which it was.
UPDATE api_keys SET revoked_at = COALESCE(revoked_at, now())
WHERE account_id = $1 AND ($2::text IS NULL OR project_id = $2) AND id = $3
RETURNING id, type, project_id, hint, created_at, revoked_at;
