-- What was given to whom, and what there is to give. Counters' names are spelled as domain/definitions.py does.

-- fragment: publication_rows
SELECT id, campaign_id, customer_id, object, redeemable_id, code, is_once, distribution_id, metadata::text AS metadata,
    created_at
FROM publications

-- fragment: vouchers_to_give
-- Of campaign $2: active, nobody's and never anybody's, never used, not expired at $3.
SELECT v.id FROM vouchers v
WHERE v.project_id = $1 AND v.campaign_id = $2 AND v.customer_id IS NULL AND v.status = 'active'
    AND NOT v.was_given AND NOT v.is_passed_over AND ((v.rules ->> 'expires_ms')::bigint <= $3::bigint) IS NOT TRUE
    AND NOT EXISTS (SELECT FROM counters k WHERE k.project_id = v.project_id AND k.id = 'r:' || v.id AND k.used > 0)
ORDER BY v.id
LIMIT 1

-- name: control_pick_voucher
-- One that nobody else is giving away at this moment.
-- use: vouchers_to_give
FOR UPDATE OF v SKIP LOCKED;

-- name: control_await_voucher
-- The same, after whoever is at the last ones: what another has begun to give may come back.
-- use: vouchers_to_give
FOR UPDATE OF v;

-- name: control_pass_over_vouchers
-- Those in front of $4, or all where it is NULL, that cannot be given: walked past once, and 500 at a time.
UPDATE vouchers SET is_passed_over = true
WHERE project_id = $1 AND id IN (
    SELECT v.id FROM vouchers v
    WHERE v.project_id = $1 AND v.campaign_id = $2 AND v.customer_id IS NULL AND v.status = 'active'
        AND NOT v.was_given AND NOT v.is_passed_over AND ($4::text IS NULL OR v.id < $4)
        AND ((v.rules ->> 'expires_ms')::bigint <= $3::bigint
            OR EXISTS (SELECT FROM counters k
                WHERE k.project_id = v.project_id AND k.id = 'r:' || v.id AND k.used > 0))
    ORDER BY v.id
    LIMIT 500
    FOR UPDATE OF v SKIP LOCKED);

-- name: control_hand_over_voucher
UPDATE vouchers SET customer_id = $3, version = version + 1, updated_at = now() WHERE project_id = $1 AND id = $2;

-- fragment: gift_cards_to_give
SELECT id FROM gift_cards
WHERE project_id = $1 AND campaign_id = $2 AND customer_id IS NULL AND status = 'active' AND NOT was_given
    AND spent_minor = 0
    AND (expires_ms IS NULL OR expires_ms > $3::bigint)
ORDER BY id
LIMIT 1

-- name: control_pick_gift_card
-- use: gift_cards_to_give
FOR UPDATE SKIP LOCKED;

-- name: control_await_gift_card
-- use: gift_cards_to_give
FOR UPDATE;

-- name: control_hand_over_gift_card
UPDATE gift_cards SET customer_id = $3, version = version + 1, updated_at = now() WHERE project_id = $1 AND id = $2;

-- name: control_insert_publication
INSERT INTO publications (project_id, id, campaign_id, customer_id, object, redeemable_id, code, is_once,
    distribution_id, metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb)
RETURNING id, campaign_id, customer_id, object, redeemable_id, code, is_once, distribution_id,
    metadata::text AS metadata, created_at;

-- name: control_publication_of_customer
-- The first that customer $3 was given of campaign $2.
-- use: publication_rows
WHERE project_id = $1 AND customer_id = $3 AND campaign_id = $2
ORDER BY created_at, id
LIMIT 1;

-- name: control_publication
-- use: publication_rows
WHERE project_id = $1 AND id = $2;

-- name: control_publications
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: publication_rows
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_publications_of_campaign
-- The same of campaign $5.
-- use: publication_rows
WHERE project_id = $1 AND campaign_id = $5 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_publications_of_distribution
-- The same of distribution $6, in campaign $5 or NULL.
-- use: publication_rows
WHERE project_id = $1 AND distribution_id = $6 AND ($5::text IS NULL OR campaign_id = $5)
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_publications_of_customer
-- The same of customer $7; $5 campaign, $6 distribution, or NULL.
-- use: publication_rows
WHERE project_id = $1 AND customer_id = $7 AND ($5::text IS NULL OR campaign_id = $5)
    AND ($6::text IS NULL OR distribution_id = $6)
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_publications_of_redeemable
-- The same of what was given, $8; $5 campaign, $6 distribution, $7 customer, or NULL.
-- use: publication_rows
WHERE project_id = $1 AND redeemable_id = $8 AND ($5::text IS NULL OR campaign_id = $5)
    AND ($6::text IS NULL OR distribution_id = $6) AND ($7::text IS NULL OR customer_id = $7)
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- fragment: distribution_rows
SELECT d.id, d.campaign_id, d.segment_id, d.name, d.is_once, d.metadata::text AS metadata, d.async_action_id,
    d.created_at, a.status, a.done_count, a.failed_count
FROM distributions d
JOIN async_actions a ON a.project_id = d.project_id AND a.id = d.async_action_id

-- name: control_insert_distribution
INSERT INTO distributions (project_id, id, campaign_id, segment_id, name, is_once, metadata, async_action_id)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8);

-- name: control_distribution
-- use: distribution_rows
WHERE d.project_id = $1 AND d.id = $2;

-- name: control_distributions
-- $2, $3: the last row of the page before, or NULL. Newest first.
-- use: distribution_rows
WHERE d.project_id = $1 AND (d.created_at, d.id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY d.created_at DESC, d.id DESC
LIMIT $4;

-- name: control_distributions_of_campaign
-- The same of campaign $5.
-- use: distribution_rows
WHERE d.project_id = $1 AND d.campaign_id = $5 AND (d.created_at, d.id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY d.created_at DESC, d.id DESC
LIMIT $4;

-- name: control_next_of_segment
-- The next $5 customers of segment $2, behind $3 and $4 or NULL: in the order in which they became known.
SELECT customer_id, created_at FROM customer_segments
WHERE project_id = $1 AND segment_id = $2
    AND (created_at, customer_id) > (COALESCE($3::timestamptz, '-infinity'), COALESCE($4::text, ''))
ORDER BY created_at, customer_id
LIMIT $5;
