-- API keys: their hash and a hint, never the key.

-- name: control_insert_api_key
INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint, name, scopes, rotated_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING created_at;

-- name: control_api_keys
-- $2 project, or NULL for all of the account's; $3, $4: the last row of the page before, or NULL. Newest first.
SELECT id, type, project_id, hint, name, scopes, rotated_from, created_at, expires_at, revoked_at FROM api_keys
WHERE account_id = $1 AND ($2::text IS NULL OR project_id = $2)
    AND (created_at, id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $5;

-- name: control_revoke_api_key
-- A key that was revoked before keeps the time at which it was.
UPDATE api_keys k SET revoked_at = COALESCE(k.revoked_at, now())
FROM (SELECT account_id, id, revoked_at FROM api_keys
    WHERE account_id = $1 AND ($2::text IS NULL OR project_id = $2) AND id = $3 FOR UPDATE) AS was
WHERE k.account_id = was.account_id AND k.id = was.id
RETURNING k.id, k.type, k.project_id, k.hint, k.name, k.scopes, k.rotated_from, k.created_at, k.expires_at,
    k.revoked_at, was.revoked_at AS was_revoked_at;

-- name: control_lock_api_key
-- A key that lives, with whether another has come of it, and whether the one that it came of lives too.
SELECT k.id, k.type, k.project_id, k.name, k.scopes, k.expires_at,
    EXISTS (SELECT FROM api_keys n WHERE n.account_id = k.account_id AND n.rotated_from = k.id) AS has_successor,
    EXISTS (SELECT FROM api_keys o WHERE o.account_id = k.account_id AND o.id = k.rotated_from
        AND o.revoked_at IS NULL AND (o.expires_at IS NULL OR o.expires_at > now())) AS has_living_origin
FROM api_keys k
WHERE k.account_id = $1 AND ($2::text IS NULL OR k.project_id = $2) AND k.id = $3
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
FOR UPDATE OF k;

-- name: control_expire_api_key
UPDATE api_keys SET expires_at = now() + make_interval(secs => $3) WHERE account_id = $1 AND id = $2;
