-- Asynchronous actions: taken by lease, and carried on by whoever holds the row's lock. One whose file is still coming
-- in (receiving) is nobody's yet.

-- name: control_insert_action
INSERT INTO async_actions (project_id, id, type, total_count, params, actor, status, is_open_ended, keeps_chunks)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: control_count_open_actions
SELECT count(*) FROM async_actions WHERE project_id = $1 AND status IN ('receiving', 'queued', 'running');

-- name: control_action
SELECT id, type, status, total_count, done_count, failed_count, failures, params, is_open_ended, reason,
    result_chunks, keeps_chunks, created_at, updated_at
FROM async_actions WHERE project_id = $1 AND id = $2 AND status <> 'receiving';

-- name: control_actions
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL. Newest first. Without their failures, of which
-- there may be many.
SELECT id, type, status, total_count, done_count, failed_count, params, is_open_ended, reason,
    result_chunks, keeps_chunks, created_at, updated_at
FROM async_actions
WHERE project_id = $1 AND status <> 'receiving' AND ($2::text IS NULL OR status = $2)
    AND (created_at, id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $5;

-- name: control_queue_action
-- The file is in: $3 rows of it.
UPDATE async_actions SET status = 'queued', total_count = $3, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'receiving';

-- name: control_drop_received_action
DELETE FROM async_actions WHERE project_id = $1 AND id = $2 AND status = 'receiving';

-- name: control_due_actions
SELECT account_id, project_id, shard, id FROM due_async_actions($1);

-- name: control_take_action
-- $3 seconds of lease, $4 the types that this process knows: while an upgrade rolls, others are for newer ones. Nothing
-- comes back where another worker has it, or it is over.
UPDATE async_actions
SET status = 'running', attempts = attempts + 1, locked_until = now() + make_interval(secs => $3), updated_at = now()
WHERE project_id = $1 AND id = $2 AND status IN ('queued', 'running') AND type = ANY ($4::text[])
    AND (locked_until IS NULL OR locked_until < now())
RETURNING attempts;

-- name: control_lock_action
-- Progress is what this row says: it is written in the transaction that does the work.
SELECT CASE WHEN is_open_ended THEN 1 ELSE total_count - done_count - failed_count END AS left_count,
    done_count + failed_count AS gone_count, type, params, actor, position, result_chunks,
    created_at
FROM async_actions
WHERE project_id = $1 AND id = $2 AND status = 'running'
FOR UPDATE;

-- name: control_advance_action
-- $3 rows done, $4 seconds of lease, $5 failed, $6 their failures, of which the first $7 of an action are kept,
-- $8 position or NULL, $9 whether this was the last of an open-ended one, $10 chunks of the result.
UPDATE async_actions
SET done_count = done_count + $3, failed_count = failed_count + $5,
    failures = CASE WHEN $5 = 0 OR jsonb_array_length(failures) >= $7 THEN failures
        ELSE jsonb_path_query_array(failures || $6::jsonb, '$[0 to $last]', jsonb_build_object('last', $7::int - 1)) END,
    position = COALESCE($8::jsonb, position), is_open_ended = is_open_ended AND NOT $9::boolean,
    total_count = greatest(total_count, done_count + failed_count + $3 + $5),
    result_chunks = result_chunks + $10, keeps_chunks = keeps_chunks OR $10 > 0, attempts = 0,
    locked_until = now() + make_interval(secs => $4), updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_release_action
-- Its turn is over, others have theirs.
UPDATE async_actions SET locked_until = NULL, attempts = 0, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'running';

-- name: control_finish_action
UPDATE async_actions SET status = 'done', locked_until = NULL, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'running' AND NOT is_open_ended
    AND done_count + failed_count = total_count;

-- name: control_fail_action
UPDATE async_actions SET status = 'failed', reason = $3, locked_until = NULL, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'running';

-- name: control_lock_action_status
SELECT status FROM async_actions WHERE project_id = $1 AND id = $2 AND status <> 'receiving' FOR UPDATE;

-- name: control_cancel_action
UPDATE async_actions SET status = 'cancelled', locked_until = NULL, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_insert_chunk
INSERT INTO async_action_chunks (project_id, action_id, side, chunk_no, data) VALUES ($1, $2, $3, $4, $5);

-- name: control_chunk
SELECT data FROM async_action_chunks WHERE project_id = $1 AND action_id = $2 AND side = $3 AND chunk_no = $4;

-- name: control_result_sizes
SELECT octet_length(data) AS bytes FROM async_action_chunks
WHERE project_id = $1 AND action_id = $2 AND side = 'result' ORDER BY chunk_no;

-- name: control_delete_chunks
-- The row first, as everywhere: what is written beside it goes by the same lock.
WITH spent AS (
    UPDATE async_actions SET keeps_chunks = false, result_chunks = 0
    WHERE project_id = $1 AND id = $2 RETURNING id
)
DELETE FROM async_action_chunks c USING spent WHERE c.project_id = $1 AND c.action_id = spent.id;

-- name: control_delete_input
DELETE FROM async_action_chunks WHERE project_id = $1 AND action_id = $2 AND side = 'input';

-- name: control_spent_actions
SELECT project_id, id FROM spent_async_actions($1, make_interval(secs => $2), make_interval(secs => $3));

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
