-- Definitions and their limits: the three steps of a change, and what a hydration reads.

-- name: raise_ceilings
-- Step (a). $1 project, $2 counter ids, $3 kinds, $4 limits, $5 version. The ceiling is the greatest limit that may
-- have been in force; NULL, unlimited, is the greatest of all.
INSERT INTO counters AS c (project_id, id, kind, limit_value, ceiling, version)
SELECT $1, n.id, n.kind, n.limit_value, n.limit_value, $5
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS n (id, kind, limit_value)
ON CONFLICT (project_id, id) DO UPDATE
SET limit_value = excluded.limit_value, version = excluded.version,
    ceiling = CASE WHEN c.ceiling IS NULL OR excluded.ceiling IS NULL THEN NULL
        ELSE greatest(c.ceiling, excluded.ceiling) END
WHERE c.version <= excluded.version;

-- name: settle_ceilings
-- Step (c). $1 project, $2 counter ids, $3 limits, $4 used in Redis (0 where absent there), $5 version: only while it
-- is still the newest. Families keep theirs: what a customer had is not known here.
UPDATE counters c
SET ceiling = greatest(n.limit_value, n.used, c.granted - c.returned + c.quarantined)
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS n (id, limit_value, used)
WHERE c.project_id = $1 AND c.id = n.id AND c.version = $5 AND n.limit_value IS NOT NULL;

-- name: enqueue_change
INSERT INTO outbox (project_id, shard, object, object_id, version) VALUES ($1, $2, $3, $4, $5);

-- name: mark_changes_applied
-- $1 project, $2 object, $3 object id, $4 version that Redis has now.
UPDATE outbox SET applied_at = now(), attempts = attempts + 1
WHERE project_id = $1 AND object = $2 AND object_id = $3 AND version <= $4 AND applied_at IS NULL;

-- name: staged_version
-- The newest version that Redis has not been told of.
SELECT COALESCE(max(version), 0) FROM outbox
WHERE project_id = $1 AND object = $2 AND object_id = $3 AND applied_at IS NULL;

-- name: unapplied_changes
-- Oldest first: what a change relies on was enqueued before it.
SELECT project_id, object, object_id
FROM outbox
WHERE shard = $1 AND applied_at IS NULL AND created_at < now() - $2::interval
GROUP BY project_id, object, object_id
ORDER BY min(id)
LIMIT 200;

-- name: campaign_row
SELECT id, project_id, version, status, rules, counts_customers_since, type, program FROM campaigns
WHERE project_id = $1 AND id = $2;

-- name: campaign_rows
SELECT id, project_id, version, status, rules, counts_customers_since, type, program FROM campaigns
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: voucher_row
SELECT id, project_id, code, campaign_id, version, status, rules, counts_customers_since, customer_id FROM vouchers
WHERE project_id = $1 AND id = $2;

-- name: voucher_rows_by_code
SELECT id, project_id, code, campaign_id, version, status, rules, counts_customers_since, customer_id FROM vouchers
WHERE project_id = $1 AND code = ANY($2::text[]);

-- name: tier_rows
SELECT id, project_id, id AS code, campaign_id, version, status, rules, counts_customers_since,
    'promotion_tier' AS object, hierarchy
FROM promotion_tiers WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: rule_rows
SELECT id, project_id, version, rule, counts_since FROM validation_rules
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: customer_rows
-- In whose segments somebody is: by what the shop says, and by rule.
SELECT id, version, segments || rule_segments AS segments, metadata FROM customers WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: product_rows
SELECT id, version, categories, collections || rule_collections AS collections, metadata
FROM products WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: sku_rows
SELECT id, version, product_id, metadata FROM skus WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: settings_rows
SELECT project_id, version, settings FROM project_settings WHERE project_id = $1;

-- name: counter_rows
SELECT id, granted + quarantined AS granted, returned FROM counters
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: settled_position
-- How far a shard is settled in the epoch; to be read after the counters, so that it covers all that they include.
SELECT entry_ms, entry_seq FROM stream_positions WHERE shard = $1 AND epoch = $2;
