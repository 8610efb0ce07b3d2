-- Idempotency keys of the control plane's POSTs. A key has one effect for ever; its answer is kept for a day.

-- name: control_forget_old_answers
-- $1 account, $2 project or NULL, $3 route, $4 key: of this key if it is too old, and of a few others that are.
UPDATE idempotency_keys SET status = NULL, body = NULL
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotency_keys
    WHERE account_id = $1 AND project_id IS NOT DISTINCT FROM $2
        AND created_at < now() - interval '24 hours' AND body IS NOT NULL
    ORDER BY (route, key) = ($3, $4) DESC
    LIMIT 50
    FOR UPDATE SKIP LOCKED));

-- name: control_claim_idempotency_key
-- Waits for a transaction that holds the same key, and claims it only if that one rolled back.
INSERT INTO idempotency_keys (account_id, project_id, route, key, fingerprint) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, project_id, route, key) DO NOTHING
RETURNING true;

-- name: control_kept_answer
SELECT fingerprint, status, body FROM idempotency_keys
WHERE account_id = $1 AND project_id IS NOT DISTINCT FROM $2 AND route = $3 AND key = $4;

-- name: control_keep_answer
UPDATE idempotency_keys SET status = $5, body = $6
WHERE account_id = $1 AND project_id IS NOT DISTINCT FROM $2 AND route = $3 AND key = $4;

-- name: control_forget_answer
DELETE FROM idempotency_keys
WHERE account_id = $1 AND project_id IS NOT DISTINCT FROM $2 AND route = $3 AND key = $4;
