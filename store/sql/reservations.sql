-- What sessions hold, as the reconciler writes it. $1 is the shard, $2 the epoch where both are there.

-- name: put_reservations
-- New ones, those that are extended, and those that were reserved anew with their key because Redis was lost with its
-- record: they come back with the status that they have then. What was captured or released stays so, whatever comes
-- late, and so does what is held where a beginning comes once more.
INSERT INTO reservations AS r (project_id, id, session, tag, status, expires_at, revision, body, created_at, shard, epoch,
    entry_ms, entry_seq, entry_index)
SELECT a.project_id, a.id, a.session, a.tag, 'held', 'epoch'::timestamptz + a.expires_ms * interval '1 ms', a.revision,
    a.body, 'epoch'::timestamptz + a.time_ms * interval '1 ms', $1, $2, a.entry_ms, a.entry_seq, a.entry_index
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bytea[], $10::bigint[],
    $11::bigint[], $12::bigint[], $13::int[])
    AS a (project_id, id, session, tag, expires_ms, revision, body, time_ms, entry_ms, entry_seq, entry_index)
ON CONFLICT (project_id, id) DO UPDATE SET session = excluded.session, tag = excluded.tag,
    expires_at = excluded.expires_at, revision = excluded.revision, body = excluded.body, epoch = excluded.epoch,
    entry_ms = excluded.entry_ms, entry_seq = excluded.entry_seq, entry_index = excluded.entry_index,
    created_at = CASE excluded.revision WHEN 0 THEN excluded.created_at ELSE r.created_at END
WHERE r.shard = excluded.shard AND (octet_length(r.body) = 0 OR r.status = 'held' AND (
    (r.revision, r.expires_at) < (excluded.revision, excluded.expires_at)
    OR r.expires_at <= excluded.created_at AND excluded.created_at < excluded.expires_at))
RETURNING r.project_id, r.id, r.status;

-- name: end_reservations
-- Captured or released; of one that is not known yet, only that. Those that have ended before keep their end.
INSERT INTO reservations AS r (project_id, id, session, tag, status, expires_at, revision, redemption_id, body,
    created_at, shard, epoch, entry_ms, entry_seq, entry_index)
SELECT a.project_id, a.id, '', a.tag, a.status, a.at, 0, a.redemption_id, '', a.at, $1, $2, a.entry_ms, a.entry_seq,
    a.entry_index
FROM (SELECT *, 'epoch'::timestamptz + b.time_ms * interval '1 ms' AS at
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[],
        $11::int[])
        AS b (project_id, id, tag, status, redemption_id, time_ms, entry_ms, entry_seq, entry_index)) AS a
ON CONFLICT (project_id, id) DO UPDATE SET status = excluded.status, redemption_id = excluded.redemption_id,
    epoch = excluded.epoch, entry_ms = excluded.entry_ms, entry_seq = excluded.entry_seq,
    entry_index = excluded.entry_index
WHERE r.shard = excluded.shard AND r.status = 'held';

-- name: drop_holds_of_reservations
DELETE FROM reservation_holds h
USING unnest($2::text[], $3::text[]) AS a (project_id, reservation_id)
WHERE h.project_id = a.project_id AND h.reservation_id = a.reservation_id AND h.shard = $1;

-- name: put_holds
-- One of the session's that has expired may still stand there: it makes room.
INSERT INTO reservation_holds (project_id, counter_id, tag, reservation_id, amount, expires_at, shard)
SELECT a.project_id, a.counter_id, a.tag, a.reservation_id, a.amount,
    'epoch'::timestamptz + a.expires_ms * interval '1 ms', $1
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
    AS a (project_id, counter_id, tag, reservation_id, amount, expires_ms)
ON CONFLICT (project_id, counter_id, tag) DO UPDATE SET reservation_id = excluded.reservation_id,
    amount = excluded.amount, expires_at = excluded.expires_at;

-- name: use_up_holds
-- What a session held of the counters that it has redeemed from, under whatever reservation.
DELETE FROM reservation_holds h
USING unnest($2::text[], $3::text[], $4::text[]) AS a (project_id, counter_id, tag)
WHERE h.project_id = a.project_id AND h.counter_id = a.counter_id AND h.tag = a.tag AND h.shard = $1
RETURNING h.project_id, h.reservation_id, h.tag;

-- name: reservations_with_holds
SELECT DISTINCT h.project_id, h.reservation_id
FROM unnest($2::text[], $3::text[]) AS a (project_id, reservation_id)
JOIN reservation_holds h ON h.project_id = a.project_id AND h.reservation_id = a.reservation_id AND h.shard = $1;

-- name: reservations_known
-- Of these reservations, extensions and ends ($5), those that have been taken in.
SELECT a.project_id, a.id, a.revision, a.is_end
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[]) AS a (project_id, id, revision, is_end)
JOIN reservations r ON r.project_id = a.project_id AND r.id = a.id AND r.shard = $1
WHERE r.status <> 'held' AND (a.is_end OR octet_length(r.body) > 0) OR NOT a.is_end AND r.revision >= a.revision;

-- name: sweep_holds
-- Those that have expired a while ago, so that no clock sees them as live. Rows that are being used are left.
DELETE FROM reservation_holds
WHERE ctid = ANY(ARRAY(SELECT h.ctid FROM reservation_holds h
    WHERE h.shard = $1 AND h.expires_at < now() - interval '5 minutes'
    ORDER BY h.expires_at LIMIT 5000 FOR UPDATE SKIP LOCKED));
