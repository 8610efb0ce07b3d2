-- What the projector does to the outbox beside applying it; see definitions.sql.

-- name: sweep_outbox
DELETE FROM outbox WHERE (project_id, id) IN (
    SELECT project_id, id FROM outbox
    WHERE shard = $1 AND applied_at < now() - interval '1 day' ORDER BY applied_at LIMIT 1000);
