-- What Redis has not been told yet.

-- name: control_is_change_pending
-- $1 project, $2 shard, $3 object, $4 object id. Told by the index of what is unapplied, which is short.
SELECT EXISTS (SELECT FROM outbox
    WHERE project_id = $1 AND shard = $2 AND object = $3 AND object_id = $4 AND applied_at IS NULL);
