-- The ledger's writes: one transaction per batch, which moves the shard's position by compare-and-set. All of them name
-- their shard, because the owner, whom no policy restrains, runs some of them too.

-- name: read_position
SELECT epoch, entry_ms, entry_seq FROM stream_positions WHERE shard = $1;

-- name: advance_position
-- $1 shard, $2 epoch, $3 and $4 where the caller read it, $5 and $6 where it goes. No row: another was faster.
-- What follows in the transaction is bound to find its rows by their keys, one after the other: on a table of some
-- 100,000 counters the planner would rather read it whole for each batch, and lock rows in no order at all.
UPDATE stream_positions SET entry_ms = $5, entry_seq = $6, updated_at = now()
WHERE shard = $1 AND epoch = $2 AND entry_ms = $3 AND entry_seq = $4
RETURNING shard, set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true);

-- name: insert_redemptions
-- $1 shard, $2 epoch, then a column each. The ids that are new come back; the others were in the ledger already.
INSERT INTO redemptions (project_id, id, customer_id, currency, order_value_minor, discount_minor, total_minor,
    durability, idempotency_key, fingerprint, created_at, shard, epoch, entry_ms, entry_seq, entry_index, body,
    order_id, order_key)
SELECT r.project_id, r.id, r.customer_id, r.currency, r.order_value_minor, r.discount_minor, r.total_minor,
    r.durability, r.idempotency_key, r.fingerprint, 'epoch'::timestamptz + r.time_ms * interval '1 ms',
    $1, $2, r.entry_ms, r.entry_seq, r.entry_index, r.body, r.order_id, r.order_key
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[],
    $11::text[], $12::bytea[], $13::bigint[], $14::bigint[], $15::bigint[], $16::int[], $17::bytea[],
    $18::text[], $19::bytea[])
    AS r (project_id, id, customer_id, currency, order_value_minor, discount_minor, total_minor, durability,
    idempotency_key, fingerprint, time_ms, entry_ms, entry_seq, entry_index, body, order_id, order_key)
ON CONFLICT (project_id, id) DO NOTHING
RETURNING project_id, id;

-- name: insert_redemption_lines
INSERT INTO redemption_lines (project_id, redemption_id, line_no, object, redeemable_id, campaign_id, code,
    discount_minor, moves, created_at)
SELECT l.project_id, l.redemption_id, l.line_no, l.object, l.redeemable_id, l.campaign_id, l.code,
    l.discount_minor, l.moves, 'epoch'::timestamptz + l.time_ms * interval '1 ms'
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::jsonb[], $10::bigint[])
    AS l (project_id, redemption_id, line_no, object, redeemable_id, campaign_id, code, discount_minor, moves, time_ms);

-- name: insert_customers
INSERT INTO customers (project_id, id, created_at)
SELECT c.project_id, c.id, 'epoch'::timestamptz + c.time_ms * interval '1 ms'
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c (project_id, id, time_ms)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: insert_orders
-- What a shop has said of an order stays.
INSERT INTO orders (project_id, id, customer_id, created_at)
SELECT o.project_id, o.id, o.customer_id, 'epoch'::timestamptz + o.time_ms * interval '1 ms'
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS o (project_id, id, customer_id, time_ms)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: add_usage
INSERT INTO usage_daily AS u (account_id, project_id, day, redemptions, rollbacks, discount_minor)
SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (account_id, project_id, day) DO UPDATE SET redemptions = u.redemptions + excluded.redemptions,
    rollbacks = u.rollbacks + excluded.rollbacks, discount_minor = u.discount_minor + excluded.discount_minor;

-- name: roll_back_redemptions
-- $1 shard, $2 epoch, then a column each. Those come back that had just the revision which the rollback was decided
-- from: of two that were decided from one, the second has no effect.
UPDATE redemptions r
SET revision = r.revision + 1, refunded_minor = r.refunded_minor + a.refund_minor,
    status = CASE WHEN a.is_whole THEN 'rolled_back' ELSE 'partially_rolled_back' END,
    rolled_back_at = CASE WHEN a.is_whole THEN 'epoch'::timestamptz + a.time_ms * interval '1 ms' END,
    rollback_epoch = CASE WHEN a.is_whole THEN $2::bigint END,
    rollback_entry_ms = CASE WHEN a.is_whole THEN a.entry_ms END,
    rollback_entry_seq = CASE WHEN a.is_whole THEN a.entry_seq END,
    rollback_entry_index = CASE WHEN a.is_whole THEN a.entry_index END
FROM unnest($3::text[], $4::text[], $5::int[], $6::boolean[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::int[])
    AS a (project_id, id, revision, is_whole, refund_minor, time_ms, entry_ms, entry_seq, entry_index)
WHERE r.project_id = a.project_id AND r.id = a.id AND r.shard = $1 AND r.status <> 'rolled_back'
    AND r.revision = a.revision
RETURNING r.project_id, r.id, r.order_key;

-- name: insert_rollbacks
-- $1 shard, $2 epoch, then a column each.
INSERT INTO redemption_rollbacks (project_id, redemption_id, revision, id, idempotency_key, fingerprint, is_whole,
    refund_minor, moves, body, created_at, shard, epoch, entry_ms, entry_seq, entry_index)
SELECT a.project_id, a.redemption_id, a.revision, a.id, a.idempotency_key, a.fingerprint, a.is_whole, a.refund_minor,
    a.moves, a.body, 'epoch'::timestamptz + a.time_ms * interval '1 ms', $1, $2, a.entry_ms, a.entry_seq, a.entry_index
FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::bytea[], $9::boolean[], $10::bigint[],
    $11::jsonb[], $12::bytea[], $13::bigint[], $14::bigint[], $15::bigint[], $16::int[])
    AS a (project_id, redemption_id, revision, id, idempotency_key, fingerprint, is_whole, refund_minor, moves, body,
    time_ms, entry_ms, entry_seq, entry_index);

-- name: rollbacks_of_redemptions
-- What has come back of these redemptions, and where that was said.
SELECT b.project_id, b.redemption_id, b.is_whole, b.moves, b.epoch, b.entry_ms, b.entry_seq, b.entry_index, r.order_key
FROM unnest($2::text[], $3::text[]) AS a (project_id, id)
JOIN redemptions r ON r.project_id = a.project_id AND r.id = a.id AND r.shard = $1
JOIN redemption_rollbacks b ON b.project_id = r.project_id AND b.redemption_id = r.id;

-- name: redemption_moves
SELECT l.project_id, l.redemption_id, l.moves
FROM unnest($1::text[], $2::text[]) AS a (project_id, id)
JOIN redemption_lines l ON l.project_id = a.project_id AND l.redemption_id = a.id;

-- name: redemptions_in_place
-- Where the redemptions of these ids, and their rollbacks, stand.
SELECT r.project_id, r.id, r.epoch, r.entry_ms, r.entry_seq, r.entry_index,
    r.rollback_epoch, r.rollback_entry_ms, r.rollback_entry_seq, r.rollback_entry_index
FROM unnest($2::text[], $3::text[]) AS a (project_id, id)
JOIN redemptions r ON r.project_id = a.project_id AND r.id = a.id AND r.shard = $1;

-- name: rollbacks_known
-- Of these rollbacks, those whose revision is over: they took effect, or another did.
SELECT a.project_id, a.id, a.revision
FROM unnest($2::text[], $3::text[], $4::int[]) AS a (project_id, id, revision)
JOIN redemptions r ON r.project_id = a.project_id AND r.id = a.id AND r.shard = $1
WHERE r.revision > a.revision OR r.status = 'rolled_back';

-- name: set_savepoint
SAVEPOINT part;

-- name: roll_back_to_savepoint
ROLLBACK TO SAVEPOINT part;

-- name: release_savepoint
RELEASE SAVEPOINT part;
