-- The ledger as the engine reads it.

-- name: redemptions_by_id
-- $1 project, $2 ids. `body` is the event, from which the first answer is rebuilt.
SELECT id, body, fingerprint, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM rolled_back_at) * 1000)::bigint AS rolled_back_ms
FROM redemptions
WHERE project_id = $1 AND id = ANY($2::text[]);
