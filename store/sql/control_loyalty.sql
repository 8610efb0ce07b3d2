-- Loyalty cards as the control plane writes and shows them. Points are written by the functions of migration 0012 alone.

-- fragment: loyalty_card_rows
-- With its lots, but for those that have expired, and its program's terms.
SELECT c.id, c.code, c.code AS search_key, c.program_id, c.customer_id, c.status, c.version, c.earned_total, c.owed,
    c.metadata::text AS metadata, c.created_at, c.updated_at, p.program, COALESCE(l.lots, '[]') AS lots
FROM loyalty_cards c
JOIN campaigns p ON p.project_id = c.project_id AND p.id = c.program_id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(l.expires_ms, l.steps, l.spent)) AS lots FROM loyalty_lots l
    WHERE l.project_id = c.project_id AND l.card_id = c.id
        AND (l.expires_ms = 0 OR l.expires_ms > extract(epoch FROM now()) * 1000)
) AS l ON true

-- fragment: loyalty_cards_as_asked
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL; $5 how many rows; $6 since, or NULL. Newest first.
    AND ($2::text IS NULL OR c.status = $2) AND c.created_at >= COALESCE($6::timestamptz, '-infinity')
    AND (c.created_at, c.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY c.created_at DESC, c.id DESC
LIMIT $5

-- name: control_loyalty_card
-- By $2, its id, or else by $3, its code.
-- use: loyalty_card_rows
WHERE c.project_id = $1 AND (c.id = $2 OR c.code = $3)
ORDER BY c.id = $2 DESC
LIMIT 1;

-- name: control_lock_loyalty_card
-- Changes of one card are made one after another.
SELECT id FROM loyalty_cards WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: control_loyalty_card_of_customer
SELECT id FROM loyalty_cards WHERE project_id = $1 AND program_id = $2 AND customer_id = $3;

-- name: control_loyalty_cards
-- Of all programs.
-- use: loyalty_card_rows
WHERE c.project_id = $1
-- use: loyalty_cards_as_asked
;

-- name: control_loyalty_cards_of_program
-- Of program $7.
-- use: loyalty_card_rows
WHERE c.project_id = $1 AND c.program_id = $7
-- use: loyalty_cards_as_asked
;

-- name: control_loyalty_cards_of_customer
-- Of customer $8, in program $7 or in all of them.
-- use: loyalty_card_rows
WHERE c.project_id = $1 AND c.customer_id = $8 AND ($7::text IS NULL OR c.program_id = $7)
-- use: loyalty_cards_as_asked
;

-- name: control_search_loyalty_cards
-- By the beginning of the code; $6 program, $7 status, $8 customer, $9 since, $10 until, or NULL.
-- use: loyalty_card_rows
WHERE c.project_id = $1 AND c.code >= $2 AND c.code < $2 || chr(1114111) AND c.code > $3 AND $4 >= ''
    AND ($6::text IS NULL OR c.program_id = $6) AND ($7::text IS NULL OR c.status = $7)
    AND ($8::text IS NULL OR c.customer_id = $8) AND c.created_at >= COALESCE($9::timestamptz, '-infinity')
    AND c.created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY c.code
LIMIT $5;

-- name: control_issue_loyalty_card
-- $1 project, $2 id, $3 program, $4 code, $5 customer, $6 metadata. No row where the customer has one or the code is
-- taken.
SELECT issue_loyalty_card($1, $2, $3, $4, $5, $6::text::jsonb);

-- name: control_set_loyalty_card_status
UPDATE loyalty_cards SET status = $3, version = version + 1, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_set_loyalty_card_metadata
-- Decisions read none of it: the version stays.
UPDATE loyalty_cards SET metadata = $3::text::jsonb, updated_at = now() WHERE project_id = $1 AND id = $2;

-- name: control_add_points
-- $1 project, $2 card, $3 the lot's expires_ms, $4 from_ms, $5 points, $6 kind, $7 source, $8 reason, $9 actor.
SELECT version, paid, owed FROM add_points($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: control_take_back_points
-- $1 project, $2 card, $3 points, $4 kind, $5 the lot that goes first, $6 whether what is spent already is owed,
-- $7 source, $8 reason, $9 actor.
SELECT taken, version, owed FROM take_back_points($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: control_loyalty_entries
-- Entries of card $2, the newest first; $3: the number of the last one of the page before, or NULL.
SELECT entry_no::text AS id, type, points, balance, available, expires_ms, from_ms, source, redemption_id, line_no,
    reason, actor, created_at
FROM loyalty_entries
WHERE project_id = $1 AND card_id = $2 AND entry_no < COALESCE($3::bigint, 9223372036854775807)
ORDER BY entry_no DESC
LIMIT $4;

-- name: control_all_loyalty_entries
-- Of all cards, or of card $2: card by card, the newest entry first, behind entry $4 of card $3; $5 how many rows.
SELECT card_id || '/' || entry_no AS id, card_id, type, points, balance, available, expires_ms, from_ms, source,
    redemption_id, reason, actor, created_at
FROM loyalty_entries
WHERE project_id = $1 AND (card_id, entry_no) < ($3, $4::bigint) AND card_id >= COALESCE($2::text, '')
ORDER BY card_id DESC, entry_no DESC
LIMIT $5;
