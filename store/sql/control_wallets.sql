-- What a customer has: of each kind what can still be used, that which expires first in front. $2 customer, $3 the time
-- in Unix milliseconds, $4 how many rows.

-- name: control_wallet_vouchers
-- `ends_ms`: the voucher's end or its campaign's, whichever is earlier.
SELECT v.id, v.code, v.campaign_id, v.customer_id, v.status, v.version, v.rules,
    v.metadata::text AS metadata, v.counts_customers_since, v.created_at, v.updated_at,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = v.project_id AND k.id = 'r:' || v.id), 0) AS used,
    (c.rules ->> 'max_redemptions_per_code')::bigint AS inherited_limit, e.ends_ms
FROM vouchers v
LEFT JOIN campaigns c ON c.project_id = v.project_id AND c.id = v.campaign_id
CROSS JOIN LATERAL (SELECT least((v.rules ->> 'expires_ms')::bigint, (c.rules ->> 'expires_ms')::bigint) AS ends_ms) AS e
WHERE v.project_id = $1 AND v.customer_id = $2 AND v.status = 'active'
    AND COALESCE(c.status NOT IN ('ended', 'archived'), true) AND (e.ends_ms IS NULL OR e.ends_ms > $3)
ORDER BY e.ends_ms NULLS LAST, v.created_at DESC, v.id DESC
LIMIT $4;

-- name: control_wallet_gift_cards
SELECT g.id, g.code, g.campaign_id, g.customer_id, g.currency, g.status, g.starts_ms, g.expires_ms, g.category,
    g.version, g.funded_minor, g.spent_minor, g.balance_minor, g.metadata::text AS metadata, g.created_at, g.updated_at,
    e.ends_ms
FROM gift_cards g
LEFT JOIN campaigns c ON c.project_id = g.project_id AND c.id = g.campaign_id
CROSS JOIN LATERAL (SELECT least(g.expires_ms, (c.rules ->> 'expires_ms')::bigint) AS ends_ms) AS e
WHERE g.project_id = $1 AND g.customer_id = $2 AND g.status <> 'archived'
    AND (e.ends_ms IS NULL OR e.ends_ms > $3)
ORDER BY e.ends_ms NULLS LAST, g.created_at DESC, g.id DESC
LIMIT $4;

-- name: control_wallet_referral_codes
-- Newest first: they end with their program.
SELECT r.id, r.code, r.program_id, r.customer_id, r.status, r.version, r.metadata::text AS metadata, r.created_at,
    r.updated_at,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = r.project_id AND k.id = 'r:' || r.id), 0) AS used,
    (p.rules ->> 'max_redemptions_per_code')::bigint AS inherited_limit
FROM referral_codes r
JOIN campaigns p ON p.project_id = r.project_id AND p.id = r.program_id
WHERE r.project_id = $1 AND r.customer_id = $2 AND r.status = 'active' AND p.status NOT IN ('ended', 'archived')
    AND ((p.rules ->> 'expires_ms')::bigint > $3) IS NOT FALSE
ORDER BY r.created_at DESC, r.id DESC
LIMIT $4;
