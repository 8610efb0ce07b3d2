-- Campaigns as the control plane writes and shows them; loyalty and referral programs have statements of their own.
-- `used` is what the ledger has counted; the counter's name is spelled as domain/definitions.py does.

-- fragment: campaign_rows
SELECT c.id, c.name, c.type, c.status, c.version, c.rules, c.metadata::text AS metadata, c.counts_customers_since,
    c.program, c.created_at, c.updated_at, c.name_key AS search_key, COALESCE(k.used, 0) AS used
FROM campaigns c
LEFT JOIN counters k ON k.project_id = c.project_id AND k.id = 'r:' || c.id

-- name: control_insert_campaign
INSERT INTO campaigns (project_id, id, account_id, name, type, rules, metadata, counts_customers_since,
    program)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9);

-- name: control_campaign
-- use: campaign_rows
WHERE c.project_id = $1 AND c.id = $2;

-- name: control_lock_campaign
-- Changes of one campaign are made one after another.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.id = $2
FOR UPDATE OF c;

-- name: control_update_campaign
UPDATE campaigns
SET name = $3, status = $4, version = $5, rules = $6, metadata = $7::text::jsonb, counts_customers_since = $8,
    program = $9, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_campaigns
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL; $6 types. Newest first.
-- use: campaign_rows
WHERE c.project_id = $1 AND ($2::text IS NULL OR c.status = $2) AND c.type = ANY($6::text[])
    AND (c.created_at, c.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY c.created_at DESC, c.id DESC
LIMIT $5;

-- name: control_search_campaigns
-- By the beginning of the name; $6 status or NULL, $7 types.
-- use: campaign_rows
WHERE c.project_id = $1 AND c.name_key >= search_key($2) AND c.name_key < search_key($2) || chr(1114111)
    AND (c.name_key, c.id) > ($3, $4)
    AND ($6::text IS NULL OR c.status = $6) AND c.type = ANY($7::text[])
ORDER BY c.name_key, c.id
LIMIT $5;
