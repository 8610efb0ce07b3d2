-- What a worker says of itself: the lease under which it grants, and how far it has acknowledged.

-- name: take_lease
-- $1 shard, $2 epoch, $3 worker, $4 seconds, $5 and $6 the position of its last acknowledged entry. No row comes back
-- where the epoch is not open any more.
WITH open_epoch AS (
    SELECT shard, epoch FROM epochs WHERE shard = $1 AND epoch = $2 AND state = 'open'
)
INSERT INTO worker_leases AS l (shard, epoch, worker_id, expires_at, last_ack_ms, last_ack_seq)
SELECT shard, epoch, $3, now() + make_interval(secs => $4), $5, $6 FROM open_epoch
ON CONFLICT (shard, epoch, worker_id) DO UPDATE
SET expires_at = excluded.expires_at, last_ack_ms = excluded.last_ack_ms, last_ack_seq = excluded.last_ack_seq
RETURNING l.expires_at;

-- name: leave_lease
UPDATE worker_leases SET left_at = now(), last_ack_ms = $4, last_ack_seq = $5
WHERE shard = $1 AND epoch = $2 AND worker_id = $3;
