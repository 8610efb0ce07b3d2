-- Epochs as recovery writes them. Each names its shard, because the owner runs some of them past the policies.

-- name: newest_epoch
SELECT e.epoch, e.state, e.run_id, e.replication_id,
    CASE WHEN e.released_at IS NULL THEN e.withheld_epochs ELSE 0 END AS withheld_epochs,
    p.epoch AS position_epoch, p.entry_ms, p.entry_seq,
    EXISTS (SELECT FROM epochs o WHERE o.shard = e.shard AND o.opened_at IS NOT NULL) AS ever_open
FROM epochs e LEFT JOIN stream_positions p ON p.shard = e.shard
WHERE e.shard = $1
ORDER BY e.epoch DESC LIMIT 1;

-- name: begin_closing
UPDATE epochs SET state = 'closing' WHERE shard = $1 AND epoch = $2 AND state = 'open';

-- name: close_epoch
-- $3 why it is unaccounted for, NULL where it is not; $4 the evidence against it.
UPDATE epochs SET state = 'closed', closed_at = coalesce(closed_at, now()), unaccounted = $3, reason = $4
WHERE shard = $1 AND epoch = $2;

-- name: account_for_epochs
-- Epochs whose workers have all handed in their rings, or left drained, since they were closed.
UPDATE epochs e SET unaccounted = NULL
WHERE e.shard = $1 AND e.unaccounted = 'workers'
    AND NOT EXISTS (SELECT FROM worker_leases l
        WHERE l.shard = e.shard AND l.epoch = e.epoch AND l.left_at IS NULL AND l.handed_at IS NULL)
    AND NOT EXISTS (SELECT FROM ring_entries r WHERE r.shard = e.shard AND r.epoch = e.epoch);

-- name: count_unaccounted
SELECT count(*) FROM epochs WHERE shard = $1 AND unaccounted IS NOT NULL;

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
WHERE shard = $1 AND state IN ('open', 'closing') AND withheld_epochs > 0 AND released_at IS NULL
RETURNING epoch, run_id, replication_id, withheld_epochs;

-- name: write_off_unaccounted
-- A person has accounted for all of them.
UPDATE epochs SET unaccounted = NULL WHERE shard = $1 AND unaccounted IS NOT NULL;

-- name: abandon_epoch
UPDATE epochs SET state = 'closed', closed_at = now(), unaccounted = 'abandoned' WHERE shard = $1 AND state <> 'closed'
RETURNING epoch;

-- name: list_epochs
-- $1 shard, NULL for all of them.
SELECT e.shard, e.epoch, e.state, e.opened_at, e.closed_at, e.withheld_epochs, e.released_at, e.released_by,
    e.unaccounted, e.reason,
    CASE WHEN p.epoch = e.epoch THEN p.entry_ms || '-' || p.entry_seq END AS position,
    (SELECT array_agg(l.worker_id ORDER BY l.worker_id) FROM worker_leases l
        WHERE l.shard = e.shard AND l.epoch = e.epoch AND l.left_at IS NULL AND l.handed_at IS NULL
            AND e.unaccounted = 'workers') AS missing_workers
FROM epochs e LEFT JOIN stream_positions p ON p.shard = e.shard
WHERE $1::smallint IS NULL OR e.shard = $1
ORDER BY e.shard, e.epoch;

-- name: registered_workers
-- Who may have answered in an epoch; accounted for where it has handed in its ring or left with nothing in it.
SELECT worker_id, last_ack_ms, last_ack_seq, left_at IS NOT NULL OR handed_at IS NOT NULL AS is_accounted,
    expires_at <= now() AS is_over
FROM worker_leases WHERE shard = $1 AND epoch = $2;

-- name: over_leases
-- Workers of an open epoch whose lease has run out: dead, or stopped.
SELECT worker_id FROM worker_leases
WHERE shard = $1 AND epoch = $2 AND expires_at < now() AND left_at IS NULL AND handed_at IS NULL;

-- name: forget_drained_leases
-- $3 those workers, ($4, $5) the last entry after their leases were over: once it is settled, all that they can have
-- answered is.
DELETE FROM worker_leases l USING stream_positions p
WHERE l.shard = $1 AND l.epoch = $2 AND l.worker_id = ANY($3::text[]) AND l.expires_at < now()
    AND p.shard = l.shard AND p.epoch = l.epoch AND (p.entry_ms, p.entry_seq) >= ($4, $5);

-- name: closed_epochs_before
-- Closed epochs whose streams are settled, the newest first.
SELECT epoch FROM epochs WHERE shard = $1 AND state = 'closed' AND epoch < $2 ORDER BY epoch DESC LIMIT 100;

-- name: sweep_leases
-- Leases of epochs that are over, as soon as they are accounted for.
DELETE FROM worker_leases l USING epochs e
WHERE l.shard = $1 AND e.shard = l.shard AND e.epoch = l.epoch AND e.state = 'closed' AND e.unaccounted IS NULL;

-- name: ring_entries
-- What workers have handed in, oldest first.
SELECT epoch, worker_id, entry_ms, entry_seq, entry_index, time_ms, payload FROM ring_entries
WHERE shard = $1 AND epoch <= $2
ORDER BY epoch, entry_ms, entry_seq, entry_index, worker_id LIMIT $3;

-- name: delete_ring_entries
DELETE FROM ring_entries r
USING unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::int[])
    AS d (epoch, worker_id, entry_ms, entry_seq, entry_index)
WHERE r.shard = $1 AND r.epoch = d.epoch AND r.worker_id = d.worker_id AND r.entry_ms = d.entry_ms
    AND r.entry_seq = d.entry_seq AND r.entry_index = d.entry_index;

-- name: sweep_ring_entries
-- Those that a worker which left has handed in while its epoch went on, and that are settled by now.
DELETE FROM ring_entries r USING stream_positions p
WHERE r.shard = $1 AND p.shard = r.shard AND p.epoch = r.epoch
    AND (r.entry_ms, r.entry_seq) <= (p.entry_ms, p.entry_seq);

-- name: has_late_rings
SELECT EXISTS (SELECT FROM ring_entries WHERE shard = $1 AND epoch < $2);

-- name: may_withhold_less
-- Whether an epoch after the open one, $2, would withhold less: all workers of an unaccounted epoch have reported by
-- now, or a project's timer has run out.
SELECT EXISTS (
        SELECT FROM epochs e WHERE e.shard = $1 AND e.unaccounted = 'workers' AND NOT EXISTS (
            SELECT FROM worker_leases l
            WHERE l.shard = e.shard AND l.epoch = e.epoch AND l.left_at IS NULL AND l.handed_at IS NULL))
    OR EXISTS (
        SELECT FROM epochs e
        JOIN epochs o ON o.shard = e.shard AND o.epoch = $2
        JOIN accounts a ON a.shard = e.shard
        JOIN projects p ON p.account_id = a.id
        WHERE e.shard = $1 AND e.unaccounted = 'workers'
            AND e.closed_at + make_interval(secs => p.release_withheld_after_s) > o.opened_at
            AND e.closed_at + make_interval(secs => p.release_withheld_after_s) <= now());

-- name: records_to_restore
-- Redemptions of one project since $2, newest first, before the one of ($3, $4).
SELECT id, created_at, (extract(epoch FROM created_at) * 1000)::bigint AS created_ms, fingerprint, body
FROM redemptions
WHERE project_id = $1 AND shard = $5 AND created_at > $2 AND (created_at, id) < ($3, $4)
ORDER BY created_at DESC, id DESC LIMIT 500;

-- name: projects_of_shard
SELECT p.id FROM projects p JOIN accounts a ON a.id = p.account_id WHERE a.shard = $1 ORDER BY p.id;

-- name: epochs_without_records
-- The shard's open epoch, if it is not the first one and Redis still lacks the records of before it.
SELECT e.epoch, e.run_id, e.replication_id, e.opened_at FROM epochs e
WHERE e.shard = $1 AND e.state = 'open' AND e.records_restored_at IS NULL
    AND EXISTS (SELECT FROM epochs f WHERE f.shard = e.shard AND f.epoch < e.epoch);

-- name: records_restored
UPDATE epochs SET records_restored_at = now() WHERE shard = $1 AND epoch = $2 AND state = 'open';
