-- Epochs as recovery writes them. Each names its shard, because the owner runs some of them past the policies.

-- name: newest_epoch
SELECT e.epoch, e.state, e.run_id, e.replication_id,
    CASE WHEN e.released_at IS NULL THEN e.withheld_epochs ELSE 0 END AS withheld_epochs,
    p.epoch AS position_epoch, p.entry_ms, p.entry_seq
FROM epochs e LEFT JOIN stream_positions p ON p.shard = e.shard
WHERE e.shard = $1
ORDER BY e.epoch DESC LIMIT 1;

-- name: close_epoch
UPDATE epochs SET state = 'closed', closed_at = now() WHERE shard = $1 AND epoch = $2 AND state <> 'closed';

-- name: insert_epoch
INSERT INTO epochs (shard, epoch, state, run_id, replication_id, withheld_epochs)
VALUES ($1, $2, 'opening', $3, $4, $5);

-- name: insert_position
INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES ($1, $2, 0, 0);

-- name: move_position_to_epoch
-- $1 shard, $2 the new epoch, $3 to $5 where the caller read it. No row: another reconciler was faster.
UPDATE stream_positions SET epoch = $2, entry_ms = 0, entry_seq = 0, updated_at = now()
WHERE shard = $1 AND epoch = $3 AND entry_ms = $4 AND entry_seq = $5
RETURNING shard;

-- name: open_epoch
UPDATE epochs SET state = 'open', opened_at = now() WHERE shard = $1 AND epoch = $2 AND state = 'opening'
RETURNING epoch;

-- name: release_epoch
UPDATE epochs SET released_at = now(), released_by = $2
WHERE shard = $1 AND state = 'open' AND withheld_epochs > 0 AND released_at IS NULL
RETURNING epoch, run_id, replication_id, withheld_epochs;

-- name: abandon_epoch
UPDATE epochs SET state = 'closed', closed_at = now() WHERE shard = $1 AND state <> 'closed' RETURNING epoch;

-- name: list_epochs
-- $1 shard, NULL for all of them.
SELECT e.shard, e.epoch, e.state, e.opened_at, e.closed_at, e.withheld_epochs, e.released_at, e.released_by,
    CASE WHEN p.epoch = e.epoch THEN p.entry_ms || '-' || p.entry_seq END AS position
FROM epochs e LEFT JOIN stream_positions p ON p.shard = e.shard
WHERE $1::smallint IS NULL OR e.shard = $1
ORDER BY e.shard, e.epoch;

-- name: furthest_acknowledged
-- The furthest entry of the epoch that a worker says it has answered.
SELECT last_ack_ms, last_ack_seq FROM worker_leases WHERE shard = $1 AND epoch = $2
ORDER BY last_ack_ms DESC, last_ack_seq DESC LIMIT 1;

-- name: closed_epochs_before
-- Closed epochs whose streams are settled, the newest first.
SELECT epoch FROM epochs WHERE shard = $1 AND state = 'closed' AND epoch < $2 ORDER BY epoch DESC LIMIT 100;

-- name: sweep_leases
-- Leases of epochs that are over, as soon as nothing is withheld for their sake.
DELETE FROM worker_leases l USING epochs e
WHERE l.shard = $1 AND e.shard = l.shard AND e.state = 'open' AND l.epoch < e.epoch
    AND (e.withheld_epochs = 0 OR e.released_at IS NOT NULL);
