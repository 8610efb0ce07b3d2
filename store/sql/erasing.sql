-- What the owner alone may do: take a person out of the ledger. $1 is the project throughout.

-- name: lock_redemptions_of_customer
SELECT id, body FROM redemptions WHERE project_id = $1 AND customer_id = $2 ORDER BY id FOR UPDATE;

-- name: blank_redemptions
UPDATE redemptions r SET customer_id = NULL, idempotency_key = NULL, fingerprint = '', body = b.body
FROM unnest($2::text[], $3::bytea[]) AS b (id, body)
WHERE r.project_id = $1 AND r.id = b.id;

-- name: blank_redemption_lines
-- Without the moves on customers' counters: a later rollback gives back what is left.
UPDATE redemption_lines l SET moves = (
    SELECT COALESCE(jsonb_agg(m.move ORDER BY m.place), '[]')
    FROM jsonb_array_elements(l.moves) WITH ORDINALITY AS m (move, place)
    WHERE m.move ->> 0 !~ '^(u:|o:|t:[^:]*:customer[.])') -- as names_customer() says
WHERE l.project_id = $1 AND l.redemption_id = ANY($2::text[]);

-- name: drop_salts
UPDATE receipts SET salt = NULL WHERE project_id = $1 AND redemption_id = ANY($2::text[]);

-- name: drop_counters_of_customer
DELETE FROM counters WHERE project_id = $1 AND id = ANY($2::text[]) AND kind = 'customer';

-- name: drop_customer
DELETE FROM customers WHERE project_id = $1 AND id = $2;

-- name: drop_changes_of_customer
-- Redis need not be told any more: a customer who comes back has a newer version.
DELETE FROM outbox WHERE project_id = $1 AND object = 'customer' AND object_id = $2;

-- name: blank_audit_of_customer
UPDATE audit_log SET object_id = 'erased' WHERE project_id = $1 AND object = 'customer' AND object_id = $2;
