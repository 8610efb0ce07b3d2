-- What the benchmark asks of its own throw-away database, as its owner.

-- name: create_database
CREATE DATABASE {name} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0;

-- name: codes_of_campaign
SELECT code FROM vouchers WHERE campaign_id = $1 ORDER BY id;

-- name: settled_of_campaign
-- $1 the campaign's counter of redemptions.
SELECT granted FROM counters WHERE id = $1;

-- name: rows_of_campaign
SELECT count(*) AS lines, count(DISTINCT redemption_id) AS redemptions FROM redemption_lines WHERE campaign_id = $1;

-- name: rows_of_ledger
SELECT (SELECT count(*) FROM redemptions) AS redemptions, (SELECT count(*) FROM quarantine) AS quarantined;

-- name: counters_of_campaign
-- Those of the campaign itself and those of its codes.
SELECT c.id, c.kind, c.granted, c.returned, c.quarantined
FROM counters c
WHERE c.id IN ('r:' || $1, 'b:' || $1)
    OR c.id IN (SELECT 'r:' || v.id FROM vouchers v WHERE v.campaign_id = $1);

-- name: transactions
SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database();

-- name: open_epochs
SELECT shard, epoch FROM epochs WHERE state = 'open';

-- name: shard_of_project
SELECT a.shard FROM accounts a JOIN projects p ON p.account_id = a.id WHERE p.id = $1;

-- name: add_rule
-- $1 project, $2 id, $3 the rule.
INSERT INTO validation_rules (project_id, id, name, rule) VALUES ($1, $2, $2, $3::text::jsonb);

-- name: add_tiers
-- $1 project, $2 ids, $3 rules.
INSERT INTO promotion_tiers (project_id, id, name, rules)
SELECT $1, t.id, t.id, t.rules::jsonb FROM unnest($2::text[], $3::text[]) AS t (id, rules);

-- name: weight_of_table
-- $1 table: bytes of its rows, and of its indexes.
SELECT pg_table_size($1::text::regclass), pg_indexes_size($1::text::regclass);

-- name: mark_code
-- The code that $1 were made before: it is given to a customer and disabled.
UPDATE vouchers v SET customer_id = 'customer-of-one', status = 'disabled'
FROM (SELECT project_id, id FROM vouchers ORDER BY created_at, id OFFSET $1 LIMIT 1) m
WHERE v.project_id = m.project_id AND v.id = m.id
RETURNING v.code, v.customer_id, v.id, (extract(epoch FROM v.created_at) * 1000000)::bigint AS created_us;
