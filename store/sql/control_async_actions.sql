-- Asynchronous actions: taken by lease, and carried on by whoever holds the row's lock.

-- name: control_insert_action
INSERT INTO async_actions (project_id, id, type, total_count, params) VALUES ($1, $2, $3, $4, $5);

-- name: control_count_open_actions
SELECT count(*) FROM async_actions WHERE project_id = $1 AND status IN ('queued', 'running');

-- name: control_action
SELECT id, type, status, total_count, done_count, failed_count, failures, params, created_at, updated_at
FROM async_actions WHERE project_id = $1 AND id = $2;

-- name: control_actions
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL. Newest first.
SELECT id, type, status, total_count, done_count, failed_count, failures, params, created_at, updated_at
FROM async_actions
WHERE project_id = $1 AND ($2::text IS NULL OR status = $2)
    AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
ORDER BY created_at DESC, id DESC
LIMIT $5;

-- name: control_due_actions
SELECT project_id, shard, id FROM due_async_actions($1);

-- name: control_take_action
-- $3 seconds of lease. Nothing comes back where another worker has it, or it is over.
UPDATE async_actions
SET status = 'running', locked_until = now() + make_interval(secs => $3), updated_at = now()
WHERE project_id = $1 AND id = $2 AND status IN ('queued', 'running')
    AND (locked_until IS NULL OR locked_until < now())
RETURNING id;

-- name: control_lock_action
-- Progress is what this row says: it is written in the transaction that inserts.
SELECT total_count - done_count - failed_count AS left_count, type, params FROM async_actions
WHERE project_id = $1 AND id = $2 AND status = 'running'
FOR UPDATE;

-- name: control_advance_action
UPDATE async_actions
SET done_count = done_count + $3, locked_until = now() + make_interval(secs => $4), updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_finish_action
UPDATE async_actions SET status = 'done', locked_until = NULL, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'running' AND done_count + failed_count = total_count;

-- name: control_insert_codes
-- $3 ids, $4 codes, $5 the rules of each, $6 its own limit or NULL. A code that is taken is left out, and the next
-- chunk draws another. A limit of its own has its counter from the start; without one the campaign's template does.
WITH made AS (
    INSERT INTO vouchers (project_id, id, campaign_id, code, rules)
    SELECT $1, n.id, $2, n.code, $5 FROM unnest($3::text[], $4::text[]) AS n (id, code)
    WHERE NOT EXISTS (SELECT FROM codes c WHERE c.project_id = $1 AND c.code = n.code)
    ON CONFLICT (project_id, code) DO NOTHING
    RETURNING id
), counted AS (
    INSERT INTO counters (project_id, id, kind, limit_value, ceiling, version)
    SELECT $1, 'r:' || id, 'redemptions', $6, $6, 1 FROM made WHERE $6::bigint IS NOT NULL
)
SELECT count(*) FROM made;
