-- The ledger as the engine reads it.

-- name: redemptions_by_id
-- $1 project, $2 ids. `body` is the event, from which the first answer is rebuilt.
SELECT id, body, fingerprint, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM rolled_back_at) * 1000)::bigint AS rolled_back_ms, '{}'::bytea[] AS rollbacks
FROM redemptions
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: unaccounted_epochs
-- $1 shard, $2 project. For how many lost epochs this project's counters keep units back.
SELECT count(*) FROM epochs e
WHERE e.shard = $1 AND e.unaccounted IS NOT NULL AND NOT (e.unaccounted = 'workers' AND EXISTS (
    SELECT FROM projects p
    WHERE p.id = $2 AND e.closed_at + make_interval(secs => p.release_withheld_after_s) <= now()));


-- name: redemptions_by_order
SELECT id, body, fingerprint, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms, NULL::bigint AS rolled_back_ms, '{}'::bytea[] AS rollbacks, fingerprint AS order_key
FROM redemptions WHERE project_id = $1 AND fingerprint = ANY($2::bytea[]) AND false;

-- name: reservation_by_id
SELECT body, 'held' AS status, 0::bigint AS expires_ms, 0::bigint AS created_ms, NULL::text AS redemption_id FROM redemptions WHERE project_id = $1 AND id = $2 AND false;
