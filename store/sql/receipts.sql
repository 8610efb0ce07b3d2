-- The chains of receipts as the reconciler writes them, in the transaction that settles.

-- name: lock_receipt_heads
-- $1 projects, $2 chains, sorted. A chain that is new has no row yet.
SELECT h.project_id, h.chain_id, h.links, h.redeemed, h.rolled_back, h.head
FROM unnest($1::text[], $2::text[]) AS c (project_id, chain_id)
JOIN receipt_heads h ON h.project_id = c.project_id AND h.chain_id = c.chain_id
FOR UPDATE OF h;

-- name: insert_receipts
INSERT INTO receipts (project_id, chain_id, seq, kind, redemption_id, link, salt, commitment)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],
    $8::bytea[]);

-- name: move_receipt_heads
-- Those that were locked, and those that are new: nobody else writes the chains of this shard, because this transaction
-- holds its position.
INSERT INTO receipt_heads (project_id, chain_id, links, redeemed, rolled_back, head)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
ON CONFLICT (project_id, chain_id) DO UPDATE SET links = excluded.links, redeemed = excluded.redeemed,
    rolled_back = excluded.rolled_back, head = excluded.head;

-- name: chains_of_redemptions
-- Which chains these redemptions are links of; a rollback is a link of each.
SELECT DISTINCT l.project_id, l.redemption_id, COALESCE(l.campaign_id, l.redeemable_id) AS chain_id
FROM unnest($1::text[], $2::text[]) AS a (project_id, id)
JOIN redemption_lines l ON l.project_id = a.project_id AND l.redemption_id = a.id;
