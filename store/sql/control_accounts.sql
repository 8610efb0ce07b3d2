-- Accounts, as the control plane shows them and the CLI makes them.

-- name: control_insert_account
INSERT INTO accounts (id, name, plan, shard) VALUES ($1, $2, $3, $4);

-- name: control_account
SELECT id, name, plan, status, created_at FROM accounts WHERE id = $1;
