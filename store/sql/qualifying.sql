-- What may apply without anybody naming it: a project's promotion tiers, and what a customer was given.

-- name: active_tier_versions
SELECT id, version FROM promotion_tiers WHERE project_id = $1 AND status = 'active';

-- name: qualifying_tiers
-- $2 ids. Tiers as definitions are made from them, with their names.
SELECT id, project_id, id AS code, campaign_id, version, status, rules, counts_customers_since,
    'promotion_tier' AS object, hierarchy, name
FROM promotion_tiers WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: own_redeemables
-- $2 customer, $3 how many of each kind at most: the newest.
(SELECT 'voucher' AS object, code FROM vouchers
    WHERE project_id = $1 AND customer_id = $2 AND status = 'active' ORDER BY created_at DESC, id DESC LIMIT $3)
UNION ALL
(SELECT 'gift_card', code FROM gift_cards
    WHERE project_id = $1 AND customer_id = $2 AND status = 'active' AND balance_minor > 0
    ORDER BY created_at DESC, id DESC LIMIT $3)
UNION ALL
(SELECT 'loyalty_card', code FROM loyalty_cards
    WHERE project_id = $1 AND customer_id = $2 AND status = 'active' ORDER BY created_at DESC, id DESC LIMIT $3);
