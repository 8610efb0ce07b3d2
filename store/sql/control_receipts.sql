-- Receipts as the control plane signs and exports them: beside the ledger's rows, as these stand, right or wrong.

-- name: control_receipt_head
-- $2 chain. One statement, one moment: the net of the head was never above this ceiling.
SELECT h.links, h.redeemed, h.rolled_back, h.head, k.ceiling
FROM (SELECT $1::text AS project_id, $2::text AS chain_id) c
LEFT JOIN receipt_heads h ON h.project_id = c.project_id AND h.chain_id = c.chain_id
LEFT JOIN counters k ON k.project_id = c.project_id AND k.id = 'r:' || c.chain_id;

-- name: control_receipts
-- $2 chain, $3 the last one of the page before. Times are whole microseconds, -1 where somebody wrote infinity.
SELECT r.seq, r.kind, r.redemption_id, r.link, r.salt, r.commitment, d.status, d.currency, d.order_value_minor,
    d.discount_minor, d.total_minor, d.durability, d.shard, d.epoch, d.entry_ms, d.entry_seq, d.entry_index,
    CASE WHEN isfinite(d.created_at) THEN (extract(epoch FROM d.created_at) * 1000000)::bigint
        WHEN d.created_at IS NOT NULL THEN -1 END AS time_us,
    CASE WHEN isfinite(d.rolled_back_at) THEN (extract(epoch FROM d.rolled_back_at) * 1000000)::bigint
        WHEN d.rolled_back_at IS NOT NULL THEN -1 END AS rolled_back_us,
    d.rollback_epoch, d.rollback_entry_ms, d.rollback_entry_seq, d.rollback_entry_index,
    d.customer_id, d.idempotency_key, d.fingerprint, sha256(d.body) AS body_sha256,
    COALESCE(lines.of_chain, '[]') AS lines
FROM receipts r
LEFT JOIN redemptions d ON d.project_id = r.project_id AND d.id = r.redemption_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(l.line_no, l.object, l.redeemable_id, l.campaign_id, l.code, l.discount_minor,
        CASE WHEN isfinite(l.created_at) THEN (extract(epoch FROM l.created_at) * 1000000)::bigint ELSE -1 END,
        l.moves) ORDER BY l.line_no) AS of_chain
    FROM redemption_lines l
    WHERE l.project_id = r.project_id AND l.redemption_id = r.redemption_id
        AND COALESCE(l.campaign_id, l.redeemable_id) = r.chain_id
) lines ON r.kind = 'redeemed'
WHERE r.project_id = $1 AND r.chain_id = $2 AND r.seq > $3
ORDER BY r.seq
LIMIT $4;

-- name: control_unlinked_redemptions
-- $2 chain. Redemptions of which the ledger has a line and the chain no link: nobody but the reconciler writes either.
-- A campaign's chain or that of a code without one: an index for each.
SELECT l.redemption_id
FROM redemption_lines l
WHERE l.project_id = $1 AND l.campaign_id = $2 AND NOT EXISTS (
    SELECT FROM receipts r
    WHERE r.project_id = $1 AND r.chain_id = $2 AND r.redemption_id = l.redemption_id AND r.kind = 'redeemed')
UNION
SELECT l.redemption_id
FROM redemption_lines l
WHERE l.project_id = $1 AND l.redeemable_id = $2 AND l.campaign_id IS NULL AND NOT EXISTS (
    SELECT FROM receipts r
    WHERE r.project_id = $1 AND r.chain_id = $2 AND r.redemption_id = l.redemption_id AND r.kind = 'redeemed')
ORDER BY redemption_id
LIMIT $3;
