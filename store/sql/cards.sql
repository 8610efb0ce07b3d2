-- Gift cards and loyalty cards, as the ledger posts them and as definitions and hydration read them.

-- name: post_gift_card_spends
-- A column each: project, card, amount (below 0: a refund), redemption, number of its line from 1, the script's time.
SELECT post_gift_card_spends($1::text[], $2::text[], $3::bigint[], $4::text[], $5::int[], array(
    SELECT 'epoch'::timestamptz + t.at_ms * interval '1 ms' FROM unnest($6::bigint[]) WITH ORDINALITY AS t (at_ms, place)
    ORDER BY t.place));

-- name: post_loyalty_spends
-- The same, with the lot after the card.
SELECT post_loyalty_spends($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::int[], array(
    SELECT 'epoch'::timestamptz + t.at_ms * interval '1 ms' FROM unnest($7::bigint[]) WITH ORDINALITY AS t (at_ms, place)
    ORDER BY t.place));

-- name: redemption_line_moves
-- Of these redemptions, by line: project ids, redemption ids.
SELECT l.project_id, l.redemption_id, l.line_no, l.moves
FROM unnest($1::text[], $2::text[]) AS a (project_id, id)
JOIN redemption_lines l ON l.project_id = a.project_id AND l.redemption_id = a.id
ORDER BY l.line_no;

-- name: gift_card_rows
SELECT id, project_id, code, campaign_id, customer_id, version, status, starts_ms, expires_ms, category, funded_minor
FROM gift_cards WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: gift_card_rows_by_code
SELECT id, project_id, code, campaign_id, customer_id, version, status, starts_ms, expires_ms, category, funded_minor
FROM gift_cards WHERE project_id = $1 AND code = ANY($2::text[]);

-- name: loyalty_card_rows
-- Lots that expired long ago are left out: it is the script's clock that decides, and it is not a day behind.
SELECT c.id, c.project_id, c.code, c.program_id AS campaign_id, c.customer_id, c.version, c.status, l.lots
FROM loyalty_cards c
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_array(l.expires_ms, l.steps)), '[]') AS lots
    FROM loyalty_lots l
    WHERE l.project_id = c.project_id AND l.card_id = c.id AND l.earned > 0
        AND (l.expires_ms = 0 OR l.expires_ms > extract(epoch FROM now() - interval '1 day') * 1000)) AS l
WHERE c.project_id = $1 AND c.id = ANY($2::text[]);

-- name: loyalty_card_rows_by_code
SELECT c.id, c.project_id, c.code, c.program_id AS campaign_id, c.customer_id, c.version, c.status, l.lots
FROM loyalty_cards c
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_array(l.expires_ms, l.steps)), '[]') AS lots
    FROM loyalty_lots l
    WHERE l.project_id = c.project_id AND l.card_id = c.id AND l.earned > 0
        AND (l.expires_ms = 0 OR l.expires_ms > extract(epoch FROM now() - interval '1 day') * 1000)) AS l
WHERE c.project_id = $1 AND c.code = ANY($2::text[]);

-- name: gift_card_funds
-- $1 project, $2 gift cards' ids: what each may spend in all, and the version that says so.
SELECT id, funded_minor, version FROM gift_cards WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: audit_gift_cards
-- For the owner, across tenants, each card of one moment: those whose entries do not sum to what they say, or whose
-- counter has not counted what they have spent.
SELECT g.project_id, g.id
FROM gift_cards g
LEFT JOIN LATERAL (
    SELECT sum(CASE e.to_account WHEN 'card' THEN e.amount_minor ELSE -e.amount_minor END) AS balance,
        COALESCE(sum(CASE e.type WHEN 'spend' THEN e.amount_minor WHEN 'refund' THEN -e.amount_minor END), 0) AS spent,
        count(*) AS entries, max(e.entry_no) AS last, bool_and(e.balance_minor = e.running) AS follow
    FROM (SELECT e.*, sum(CASE e.to_account WHEN 'card' THEN e.amount_minor ELSE -e.amount_minor END)
            OVER (ORDER BY e.entry_no) AS running
        FROM gift_card_entries e WHERE e.project_id = g.project_id AND e.card_id = g.id) AS e) AS e ON true
LEFT JOIN counters k ON k.project_id = g.project_id AND k.id = 'a:' || g.id
WHERE (e.balance, e.spent, COALESCE(k.used, 0), e.entries, e.last, e.follow) IS DISTINCT FROM
    (g.balance_minor::numeric, g.spent_minor::numeric, g.spent_minor, g.entry_count, g.entry_count, true)
ORDER BY g.project_id, g.id
LIMIT $1;

-- name: audit_loyalty_cards
-- The same, lot by lot.
SELECT c.project_id, c.id
FROM loyalty_cards c
LEFT JOIN LATERAL (
    SELECT COALESCE(sum(e.points), 0) AS points, count(*) AS entries, COALESCE(bool_and(e.balance = e.running), true)
        AS follow
    FROM (SELECT e.*, sum(e.points) OVER (ORDER BY e.entry_no) AS running
        FROM loyalty_entries e WHERE e.project_id = c.project_id AND e.card_id = c.id) AS e) AS e ON true
LEFT JOIN LATERAL (
    SELECT COALESCE(sum(l.earned - l.spent), 0) AS points, COALESCE(bool_and(
        l.spent = COALESCE(k.used, 0)
        AND l.earned = (SELECT COALESCE(sum((s.step ->> 1)::bigint), 0) FROM jsonb_array_elements(l.steps) AS s (step))
        AND (l.earned - l.spent, l.spent) = (SELECT COALESCE(sum(e.points), 0),
            COALESCE(-sum(e.points) FILTER (WHERE e.type IN ('spend', 'refund')), 0) FROM loyalty_entries e
            WHERE e.project_id = l.project_id AND e.card_id = l.card_id AND e.expires_ms = l.expires_ms)), true) AS even
    FROM loyalty_lots l
    LEFT JOIN counters k ON k.project_id = l.project_id AND k.id = 'y:' || l.card_id || ':' || l.expires_ms
    WHERE l.project_id = c.project_id AND l.card_id = c.id) AS l ON true
WHERE (e.points, l.points, e.entries, e.follow, l.even) IS DISTINCT FROM
    (c.points::numeric, c.points::numeric, c.entry_count, true, true)
ORDER BY c.project_id, c.id
LIMIT $1;
