-- What a worker says of itself: the lease under which it grants, how far it has acknowledged, the ring it hands in.

-- name: lock_shard_shared
-- Held to the end of the transaction: a lease is either there before its epoch closes, or it is not given.
SELECT pg_advisory_xact_lock_shared(1986421614, $1);

-- name: lock_shard
SELECT pg_advisory_xact_lock(1986421614, $1);

-- name: take_lease
-- $1 shard, $2 epoch, $3 worker, $4 seconds, $5 and $6 the position of its last acknowledged entry. No row comes back
-- where the epoch is not open any more, or the worker has handed in its ring.
WITH open_epoch AS (
    SELECT shard, epoch FROM epochs WHERE shard = $1 AND epoch = $2 AND state = 'open'
)
INSERT INTO worker_leases AS l (shard, epoch, worker_id, expires_at, last_ack_ms, last_ack_seq)
SELECT shard, epoch, $3, now() + make_interval(secs => $4), $5, $6 FROM open_epoch
ON CONFLICT (shard, epoch, worker_id) DO UPDATE
SET expires_at = excluded.expires_at, last_ack_ms = excluded.last_ack_ms, last_ack_seq = excluded.last_ack_seq
WHERE l.handed_at IS NULL AND l.left_at IS NULL
RETURNING l.expires_at;

-- name: leave_lease
UPDATE worker_leases SET left_at = now(), last_ack_ms = $4, last_ack_seq = $5
WHERE shard = $1 AND epoch = $2 AND worker_id = $3;

-- name: epoch_state
SELECT state, records_restored_at IS NOT NULL AS records_restored FROM epochs WHERE shard = $1 AND epoch = $2;

-- name: insert_ring_entries
INSERT INTO ring_entries (shard, epoch, worker_id, entry_ms, entry_seq, entry_index, time_ms, payload)
SELECT $1, $2, $3, r.entry_ms, r.entry_seq, r.entry_index, r.time_ms, r.payload
FROM unnest($4::bigint[], $5::bigint[], $6::int[], $7::bigint[], $8::bytea[])
    AS r (entry_ms, entry_seq, entry_index, time_ms, payload)
ON CONFLICT DO NOTHING;

-- name: hand_in_lease
UPDATE worker_leases SET handed_at = now() WHERE shard = $1 AND epoch = $2 AND worker_id = $3 AND handed_at IS NULL;
