-- Gift cards as the control plane issues, governs and shows them. What is on a card is written by the ledger's
-- functions alone; the counter's name is spelled as domain/definitions.py does.

-- fragment: gift_card_rows
SELECT id, code, code AS search_key, campaign_id, customer_id, currency, status, starts_ms, expires_ms, category, version,
    funded_minor, spent_minor, balance_minor, metadata::text AS metadata, created_at, updated_at
FROM gift_cards

-- fragment: gift_cards_as_asked
-- $2 status as it is at $6, or NULL for all that are not archived; $3, $4: the last row of the page before, or NULL; $5
-- how many rows; $7 since, or NULL. Newest first.
    AND ($2 = CASE WHEN status IN ('active', 'inactive') AND expires_ms <= $6::bigint THEN 'expired' ELSE status END
        OR $2::text IS NULL AND status <> 'archived')
    AND created_at >= COALESCE($7::timestamptz, '-infinity')
    AND (created_at, id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY created_at DESC, id DESC
LIMIT $5

-- name: control_issue_gift_cards
-- $5 ids, $6 codes; $4 what is put on each, $12 metadata as text, $13 by whom. The last of the ids that were made comes
-- back, or nothing where all codes are taken.
SELECT max(made.id) FROM issue_gift_cards($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, NULL, $13)
    AS made (id);

-- name: control_issue_gift_card_chunk
-- The same for a batch: how many were made. A code that is taken is left out, and the next chunk draws another. Each
-- card has its counter from the start.
WITH made AS (
    SELECT made.id
    FROM issue_gift_cards($1, $2, $3, $4, $5, $6, NULL, $7, $8, $9, $10, '{}', NULL, $11) AS made (id)
), counted AS (
    INSERT INTO counters (project_id, id, kind, limit_value, ceiling, version)
    SELECT $1, 'a:' || id, 'balance', $4, $4, 1 FROM made
)
SELECT count(*) FROM made;

-- name: control_gift_card
-- By $2, its id, or else by $3, its code.
-- use: gift_card_rows
WHERE project_id = $1 AND (id = $2 OR code = $3)
ORDER BY id = $2 DESC
LIMIT 1;

-- name: control_lock_gift_card
-- Changes of one card, and what is spent of it, are made one after another.
SELECT id FROM gift_cards WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: control_update_gift_card
UPDATE gift_cards
SET status = $3, version = $4, customer_id = $5, starts_ms = $6, expires_ms = $7, category = $8,
    metadata = $9::text::jsonb, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_fund_gift_card
SELECT version FROM fund_gift_card($1, $2, $3, $4, $5);

-- name: control_gift_cards
-- But for those that are archived.
-- use: gift_card_rows
WHERE project_id = $1 AND status <> 'archived'
-- use: gift_cards_as_asked
;

-- name: control_gift_cards_set_aside
-- Of status $2, which is anything but active or expired; in campaign $8 or NULL.
-- use: gift_card_rows
WHERE project_id = $1 AND status = $2 AND status <> 'active' AND ($8::text IS NULL OR campaign_id = $8)
-- use: gift_cards_as_asked
;

-- name: control_gift_cards_of_campaign
-- The same of campaign $8: a list of its own, so that it walks the campaign's index.
-- use: gift_card_rows
WHERE project_id = $1 AND campaign_id = $8
-- use: gift_cards_as_asked
;

-- name: control_gift_cards_of_customer
-- The same of customer $9, in campaign $8 or NULL.
-- use: gift_card_rows
WHERE project_id = $1 AND customer_id = $9 AND ($8::text IS NULL OR campaign_id = $8)
-- use: gift_cards_as_asked
;

-- name: control_search_gift_cards
-- By the beginning of the code; $6 status as it is at $11, $7 campaign, $8 customer, $9 since, $10 until, or NULL.
-- use: gift_card_rows
WHERE project_id = $1 AND code >= $2 AND code < $2 || chr(1114111) AND code > $3 AND $4 >= ''
    AND ($6 = CASE WHEN status IN ('active', 'inactive') AND expires_ms <= $11::bigint THEN 'expired' ELSE status END
        OR $6::text IS NULL AND status <> 'archived')
    AND ($7::text IS NULL OR campaign_id = $7) AND ($8::text IS NULL OR customer_id = $8)
    AND created_at >= COALESCE($9::timestamptz, '-infinity') AND created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY code
LIMIT $5;

-- name: control_gift_card_entries
-- Of card $2, below number $3 or NULL. Newest first; their numbers have no gap.
SELECT entry_no::text AS id, entry_no, type, from_account, to_account, amount_minor, balance_minor,
    redemption_id, reason, actor, created_at
FROM gift_card_entries
WHERE project_id = $1 AND card_id = $2 AND entry_no < COALESCE($3::bigint, 9223372036854775807)
ORDER BY entry_no DESC
LIMIT $4;

-- name: control_all_gift_card_entries
-- Of all cards, or of card $2: card by card, the newest entry first, behind entry $4 of card $3; $5 how many rows.
SELECT card_id || '/' || entry_no AS id, card_id, entry_no, type, from_account, to_account, amount_minor, balance_minor,
    redemption_id, reason, actor, created_at
FROM gift_card_entries
WHERE project_id = $1 AND (card_id, entry_no) < ($3, $4::bigint) AND card_id >= COALESCE($2::text, '')
ORDER BY card_id DESC, entry_no DESC
LIMIT $5;
