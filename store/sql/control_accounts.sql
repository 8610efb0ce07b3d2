-- Accounts, as the control plane shows them and the CLI makes them.

-- name: control_insert_account
-- $5: whether it is known that there is somebody who reads mail.
INSERT INTO accounts (id, name, plan, shard, confirmed_at) VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END);

-- name: control_account
SELECT id, name, plan, status, confirmed_at, created_at FROM accounts WHERE id = $1;

-- name: control_confirm_account
UPDATE accounts SET confirmed_at = COALESCE(confirmed_at, now()) WHERE id = $1;
