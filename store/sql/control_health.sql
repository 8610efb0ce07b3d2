-- What /readyz asks.

-- name: control_ping
SELECT 1;
