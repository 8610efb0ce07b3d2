-- Promotion tiers as the control plane writes and shows them. `used` is what the ledger has counted, `inherited_limit`
-- what the campaign allows each tier; the counter's name is spelled as domain/definitions.py does.

-- fragment: promotion_tier_rows
SELECT t.id, t.name, t.name_key AS search_key, t.hierarchy, t.campaign_id, t.status, t.version, t.rules,
    t.metadata::text AS metadata, t.counts_customers_since, t.created_at, t.updated_at,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = t.project_id AND k.id = 'r:' || t.id), 0) AS used,
    (c.rules ->> 'max_redemptions_per_code')::bigint AS inherited_limit
FROM promotion_tiers t
LEFT JOIN campaigns c ON c.project_id = t.project_id AND c.id = t.campaign_id

-- fragment: tiers_as_asked
-- $2 status, or NULL for all that are not archived; $3, $4: the last row of the page before, or NULL; $5 how many rows;
-- $6 since, or NULL. Newest first.
    AND (t.status = $2 OR $2::text IS NULL AND t.status <> 'archived')
    AND t.created_at >= COALESCE($6::timestamptz, '-infinity')
    AND (t.created_at, t.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY t.created_at DESC, t.id DESC
LIMIT $5

-- name: control_insert_promotion_tier
INSERT INTO promotion_tiers (project_id, id, campaign_id, name, hierarchy, rules, metadata, counts_customers_since)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8);

-- name: control_count_active_promotion_tiers
SELECT count(*) FROM promotion_tiers WHERE project_id = $1 AND status = 'active';

-- name: control_promotion_tier
-- use: promotion_tier_rows
WHERE t.project_id = $1 AND t.id = $2;

-- name: control_lock_promotion_tier
-- Changes of one tier are made one after another.
SELECT id FROM promotion_tiers WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: control_update_promotion_tier
UPDATE promotion_tiers
SET name = $3, hierarchy = $4, status = $5, version = $6, rules = $7, metadata = $8::text::jsonb,
    counts_customers_since = $9, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_promotion_tiers
-- But for those that are archived.
-- use: promotion_tier_rows
WHERE t.project_id = $1 AND t.status <> 'archived'
-- use: tiers_as_asked
;

-- name: control_promotion_tiers_set_aside
-- Of status $2, which is anything but active; in campaign $7 or NULL.
-- use: promotion_tier_rows
WHERE t.project_id = $1 AND t.status = $2 AND t.status <> 'active' AND ($7::text IS NULL OR t.campaign_id = $7)
-- use: tiers_as_asked
;

-- name: control_promotion_tiers_of_campaign
-- The same of campaign $7: a list of its own, so that it walks the campaign's index.
-- use: promotion_tier_rows
WHERE t.project_id = $1 AND t.campaign_id = $7
-- use: tiers_as_asked
;

-- name: control_search_promotion_tiers
-- By the beginning of the name; $6 status, $7 campaign, $8 since, $9 until, or NULL.
-- use: promotion_tier_rows
WHERE t.project_id = $1 AND t.name_key >= search_key($2) AND t.name_key < search_key($2) || chr(1114111)
    AND (t.name_key, t.id) > ($3, $4) AND (t.status = $6 OR $6::text IS NULL AND t.status <> 'archived')
    AND ($7::text IS NULL OR t.campaign_id = $7) AND t.created_at >= COALESCE($8::timestamptz, '-infinity')
    AND t.created_at < COALESCE($9::timestamptz, 'infinity')
ORDER BY t.name_key, t.id
LIMIT $5;
