-- Campaigns as the control plane writes and shows them; loyalty and referral programs have statements of their own.
-- `used` is what the ledger has counted; the counter's name is spelled as domain/definitions.py does.

-- fragment: campaign_as_asked
-- $2 statuses as they are stored, $3 the one that is shown or NULL, as of $4; $5 since, $6 the first and $7 the second
-- half of the last row of the page before, or NULL; $8 how many rows.
    AND c.status = ANY ($2::text[])
    AND ($3::text IS NULL OR $3 = CASE
        WHEN c.status IN ('active', 'paused') AND (c.rules ->> 'expires_ms')::bigint <= $4::bigint THEN 'ended'
        WHEN c.status = 'active' AND (c.rules ->> 'starts_ms')::bigint > $4 THEN 'scheduled'
        ELSE c.status END)
    AND c.created_at >= COALESCE($5::timestamptz, '-infinity')
    AND (c.created_at, c.id) < (COALESCE($6::timestamptz, 'infinity'), COALESCE($7::text, ''))
ORDER BY c.created_at DESC, c.id DESC
LIMIT $8

-- fragment: campaign_rows
SELECT c.id, c.name, c.type, c.status, c.version, c.rules, c.metadata::text AS metadata, c.counts_customers_since,
    c.program, c.created_at, c.updated_at, c.name_key AS search_key,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = c.project_id AND k.id = 'r:' || c.id), 0) AS used
FROM campaigns c

-- name: control_insert_campaign
INSERT INTO campaigns (project_id, id, account_id, name, type, rules, metadata, counts_customers_since,
    program, status)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10);

-- name: control_campaign
-- use: campaign_rows
WHERE c.project_id = $1 AND c.id = $2;

-- name: control_lock_campaign
-- Changes of one campaign are made one after another.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.id = $2
FOR UPDATE OF c;

-- name: control_join_campaign
-- For something new in it, which is made before anything becomes of the campaign, or after it.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.id = $2
FOR KEY SHARE OF c;

-- name: control_is_campaign_empty
-- Whether nothing has come into it, and nothing is on its way.
SELECT NOT EXISTS (SELECT FROM vouchers WHERE project_id = $1 AND campaign_id = $2)
    AND NOT EXISTS (SELECT FROM promotion_tiers WHERE project_id = $1 AND campaign_id = $2)
    AND NOT EXISTS (SELECT FROM gift_cards WHERE project_id = $1 AND campaign_id = $2)
    AND NOT EXISTS (SELECT FROM loyalty_cards WHERE project_id = $1 AND program_id = $2)
    AND NOT EXISTS (SELECT FROM referral_codes WHERE project_id = $1 AND program_id = $2)
    AND NOT EXISTS (SELECT FROM publications WHERE project_id = $1 AND campaign_id = $2)
    AND NOT EXISTS (SELECT FROM distributions WHERE project_id = $1 AND campaign_id = $2)
    AND NOT EXISTS (SELECT FROM async_actions WHERE project_id = $1
        AND status IN ('receiving', 'queued', 'running') AND params ->> 'campaign_id' = $2);

-- name: control_delete_campaign
DELETE FROM campaigns WHERE project_id = $1 AND id = $2;

-- name: control_update_campaign
UPDATE campaigns
SET name = $3, status = $4, version = $5, rules = $6, metadata = $7::text::jsonb, counts_customers_since = $8,
    program = $9, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_campaigns
-- Of types $9, but for those that are archived. Newest first.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.type = ANY ($9::text[]) AND c.status <> 'archived'
-- use: campaign_as_asked
;

-- name: control_campaigns_of_type
-- The same of type $9: a list of its own, so that it walks the type's index.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.type = $9 AND c.status <> 'archived'
-- use: campaign_as_asked
;

-- name: control_campaigns_of_status
-- Of types $9, of those that are stored as $10, which is anything but active.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.type = ANY ($9::text[]) AND c.status = $10 AND c.status <> 'active'
-- use: campaign_as_asked
;

-- name: control_search_campaigns
-- By the beginning of the name; $6 statuses as they are stored, $7 the one that is shown or NULL, as of $8; $9 types,
-- $10 since and $11 until, or NULL.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.name_key >= search_key($2) AND c.name_key < search_key($2) || chr(1114111)
    AND (c.name_key, c.id) > ($3, $4)
    AND c.status = ANY ($6::text[]) AND c.type = ANY ($9::text[])
    AND ($7::text IS NULL OR $7 = CASE
        WHEN c.status IN ('active', 'paused') AND (c.rules ->> 'expires_ms')::bigint <= $8::bigint THEN 'ended'
        WHEN c.status = 'active' AND (c.rules ->> 'starts_ms')::bigint > $8 THEN 'scheduled'
        ELSE c.status END)
    AND c.created_at >= COALESCE($10::timestamptz, '-infinity')
    AND c.created_at < COALESCE($11::timestamptz, 'infinity')
ORDER BY c.name_key, c.id
LIMIT $5;
