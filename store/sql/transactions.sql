-- What store/database.py sends by itself.

-- name: set_scope
-- All of them, every time: nothing that an earlier transaction may have left on the connection is ever in force.
SELECT set_config('app.project_id', $1, true), set_config('app.account_id', $2, true),
    set_config('app.shard', $3, true), set_config('app.worker_id', $4, true),
    set_config('app.person_id', $5, true);

-- name: ping
SELECT 1;
