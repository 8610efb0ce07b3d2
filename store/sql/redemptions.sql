-- The ledger as the engine reads it.

-- name: redemptions_by_id
-- $1 project, $2 ids. `body` is the event, from which the first answer is rebuilt.
SELECT id, body, fingerprint, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM rolled_back_at) * 1000)::bigint AS rolled_back_ms
FROM redemptions
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: unaccounted_epochs
-- $1 shard, $2 project. For how many lost epochs this project's counters keep units back.
SELECT count(*) FROM epochs e
WHERE e.shard = $1 AND e.unaccounted IS NOT NULL AND NOT (e.unaccounted = 'workers' AND EXISTS (
    SELECT FROM projects p
    WHERE p.id = $2 AND e.closed_at + make_interval(secs => p.release_withheld_after_s) <= now()));
