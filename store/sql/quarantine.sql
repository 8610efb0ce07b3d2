-- Events that could not be settled, and how a person settles them.

-- name: insert_quarantine
INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, redemption_id, payload, reason,
    detail, counted_moves, status, resolved_at, resolved_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
    CASE WHEN $13 <> 'open' THEN now() END, CASE WHEN $13 <> 'open' THEN 'reconciler' END);

-- name: quarantine_entry
-- $3 '' names entries that do not even say whose they are: the operator's.
SELECT id, epoch, entry_ms, entry_seq, entry_index, project_id, payload, status, counted_moves
FROM quarantine WHERE shard = $1 AND id = $2 AND project_id IS NOT DISTINCT FROM NULLIF($3, '')
FOR UPDATE;

-- name: resolve_quarantine
UPDATE quarantine SET status = $3, resolved_at = now(), resolved_by = $4, resolved_epoch = $5, resolved_entry_ms = $6,
    resolved_entry_seq = $7, resolved_entry_index = $8, detail = left($9 || detail, 4000)
WHERE shard = $1 AND id = $2;

-- name: decline_quarantine
-- What a person asked for could not be done: the entry stays open and says why.
UPDATE quarantine SET detail = left($3 || detail, 4000) WHERE shard = $1 AND id = $2 AND status = 'open';

-- name: quarantine_in_place
-- Entries made from events after ($3, $4] up to ($5, $6) of an epoch.
SELECT entry_ms, entry_seq, entry_index, status, reason FROM quarantine
WHERE shard = $1 AND epoch = $2 AND (entry_ms, entry_seq) > ($3, $4) AND (entry_ms, entry_seq) <= ($5, $6);

-- name: quarantine_resolutions
SELECT id, status, counted_moves, resolved_epoch, resolved_entry_ms, resolved_entry_seq, resolved_entry_index
FROM quarantine WHERE shard = $1 AND id = ANY($2::text[]);

-- name: count_open_quarantine
SELECT count(*) FROM quarantine WHERE shard = $1 AND status = 'open';

-- name: audit_quarantine
-- The account is the project's.
INSERT INTO audit_log (account_id, project_id, id, actor, action, object, object_id, after)
SELECT p.account_id, p.id, $2, $3, $4, 'quarantine', $5, $6 FROM projects p WHERE p.id = $1;

-- name: raise_alarm
-- One open alarm of a kind for a shard; raised again it keeps its first time and takes the newest detail.
INSERT INTO alarms AS a (id, kind, shard, detail) VALUES ($1, $2, $3, $4)
ON CONFLICT (kind, shard) WHERE resolved_at IS NULL DO UPDATE SET detail = excluded.detail
RETURNING a.id = $1 AS is_new;

-- name: resolve_alarm
UPDATE alarms SET resolved_at = now() WHERE kind = $2 AND shard = $1 AND resolved_at IS NULL RETURNING id;

-- name: open_alarms
SELECT kind FROM alarms WHERE shard = $1 AND resolved_at IS NULL;

-- name: quarantine_places
-- $1 shard, $2 epoch. Which of these places stand in quarantine, open or resolved.
SELECT q.entry_ms, q.entry_seq, q.entry_index
FROM unnest($3::bigint[], $4::bigint[], $5::int[]) AS a (entry_ms, entry_seq, entry_index)
JOIN quarantine q ON q.shard = $1 AND q.epoch = $2 AND q.entry_ms = a.entry_ms AND q.entry_seq = a.entry_seq
    AND q.entry_index = a.entry_index;

-- name: operator_quarantine
-- Of all shards or of $1, in the status $2 or in any, of the project $3 or of any; at most $4, the oldest first. With
-- the payload only where one is asked for, by its id $5.
SELECT q.id, q.shard, q.epoch, q.entry_ms || '-' || q.entry_seq AS position, q.entry_index, q.project_id,
    q.redemption_id, q.reason, q.detail, q.status, q.created_at, q.resolved_at, q.resolved_by,
    CASE WHEN $5::text IS NOT NULL THEN q.payload END AS payload
FROM quarantine q
WHERE ($1::smallint IS NULL OR q.shard = $1) AND ($2::text IS NULL OR q.status = $2)
    AND ($3::text IS NULL OR q.project_id = $3) AND ($5::text IS NULL OR q.id = $5)
ORDER BY q.created_at, q.id LIMIT $4;
