-- The ledger's redemptions, newest first. One list for each index, so that a rare customer or code is found at once.
-- $2 status, $3 campaign, $4 from, $5 until before; $6, $7: the last row of the page before; NULL leaves each out.
-- Each comes with its first redeemable that was asked for, and with all of them in `lines`.

-- fragment: redemption_fields
SELECT r.id, r.status, r.customer_id, r.currency, r.order_value_minor, r.discount_minor, r.total_minor,
    r.idempotency_key, r.created_at, r.rolled_back_at, l.code, l.redeemable_id, l.campaign_id,
    (SELECT jsonb_agg(jsonb_build_array(a.code, a.redeemable_id, a.campaign_id, a.discount_minor) ORDER BY a.line_no)
        FROM redemption_lines a WHERE a.project_id = r.project_id AND a.redemption_id = r.id) AS lines

-- name: control_redemptions
-- use: redemption_fields
FROM redemptions r
CROSS JOIN LATERAL (SELECT code, redeemable_id, campaign_id FROM redemption_lines
    WHERE project_id = r.project_id AND redemption_id = r.id AND ($3::text IS NULL OR campaign_id = $3)
    ORDER BY line_no LIMIT 1) AS l
WHERE r.project_id = $1 AND ($2::text IS NULL OR r.status = $2)
    AND r.created_at >= COALESCE($4::timestamptz, '-infinity') AND r.created_at < COALESCE($5::timestamptz, 'infinity')
    AND (r.created_at, r.id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, ''))
ORDER BY r.created_at DESC, r.id DESC
LIMIT $8;

-- name: control_redemptions_of_customer
-- $9 customer.
-- use: redemption_fields
FROM redemptions r
CROSS JOIN LATERAL (SELECT code, redeemable_id, campaign_id FROM redemption_lines
    WHERE project_id = r.project_id AND redemption_id = r.id AND ($3::text IS NULL OR campaign_id = $3)
    ORDER BY line_no LIMIT 1) AS l
WHERE r.project_id = $1 AND ($2::text IS NULL OR r.status = $2)
    AND r.created_at >= COALESCE($4::timestamptz, '-infinity') AND r.created_at < COALESCE($5::timestamptz, 'infinity')
    AND (r.created_at, r.id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, '')) AND r.customer_id = $9
ORDER BY r.created_at DESC, r.id DESC
LIMIT $8;

-- name: control_redemptions_of_campaign
-- $3 is not NULL. By the lines' own time, each redemption once: by the first of its lines that is of the campaign.
-- OFFSET 0 has it asked of each row of the page; joined, all of the campaign would be read.
-- use: redemption_fields
FROM redemption_lines l
JOIN redemptions r ON r.project_id = l.project_id AND r.id = l.redemption_id
WHERE l.project_id = $1 AND l.campaign_id = $3 AND ($2::text IS NULL OR r.status = $2)
    AND l.created_at >= COALESCE($4::timestamptz, '-infinity') AND l.created_at < COALESCE($5::timestamptz, 'infinity')
    AND (l.created_at, l.redemption_id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, ''))
    AND NOT EXISTS (SELECT FROM redemption_lines b WHERE b.project_id = l.project_id
        AND b.redemption_id = l.redemption_id AND b.campaign_id = l.campaign_id AND b.line_no < l.line_no OFFSET 0)
ORDER BY l.created_at DESC, l.redemption_id DESC
LIMIT $8;

-- name: control_redemptions_of_voucher
-- $9 voucher, wherever in a stack it stands, once at most; $10 customer or NULL. By the lines' own time, which is the
-- redemption's.
-- use: redemption_fields
FROM redemption_lines l
JOIN redemptions r ON r.project_id = l.project_id AND r.id = l.redemption_id
WHERE l.project_id = $1 AND ($2::text IS NULL OR r.status = $2) AND ($3::text IS NULL OR l.campaign_id = $3)
    AND l.created_at >= COALESCE($4::timestamptz, '-infinity') AND l.created_at < COALESCE($5::timestamptz, 'infinity')
    AND (l.created_at, l.redemption_id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, ''))
    AND l.redeemable_id = $9 AND ($10::text IS NULL OR r.customer_id = $10)
ORDER BY l.created_at DESC, l.redemption_id DESC
LIMIT $8;

-- name: control_redemptions_of_code
-- The same of the voucher whose code is $11, and which is $9 or NULL: a code is its voucher's for ever.
-- use: redemption_fields
FROM redemption_lines l
JOIN redemptions r ON r.project_id = l.project_id AND r.id = l.redemption_id
WHERE l.project_id = $1 AND ($2::text IS NULL OR r.status = $2) AND ($3::text IS NULL OR l.campaign_id = $3)
    AND l.created_at >= COALESCE($4::timestamptz, '-infinity') AND l.created_at < COALESCE($5::timestamptz, 'infinity')
    AND (l.created_at, l.redemption_id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, ''))
    AND l.redeemable_id = (SELECT v.id FROM vouchers v WHERE v.project_id = $1 AND v.code = $11)
    AND ($9::text IS NULL OR l.redeemable_id = $9) AND ($10::text IS NULL OR r.customer_id = $10)
ORDER BY l.created_at DESC, l.redemption_id DESC
LIMIT $8;

-- name: control_redemptions_of_order
-- Of order $2, the oldest first, $3 of them.
-- use: redemption_fields
FROM redemptions r
CROSS JOIN LATERAL (SELECT code, redeemable_id, campaign_id FROM redemption_lines
    WHERE project_id = r.project_id AND redemption_id = r.id ORDER BY line_no LIMIT 1) AS l
WHERE r.project_id = $1 AND r.order_id = $2
ORDER BY r.created_at, r.id
LIMIT $3;
