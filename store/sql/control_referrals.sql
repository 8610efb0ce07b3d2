-- Referral codes as the control plane writes and shows them, and the rewards that its worker gives and takes back.
-- Counters' names are spelled as domain/definitions.py does.

-- fragment: referral_code_rows
SELECT f.id, f.code, f.code AS search_key, f.program_id, f.customer_id, f.status, f.version,
    f.metadata::text AS metadata,
    f.created_at, f.updated_at,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = f.project_id AND k.id = 'r:' || f.id), 0) AS used,
    (c.rules ->> 'max_redemptions_per_code')::bigint AS inherited_limit
FROM referral_codes f
JOIN campaigns c ON c.project_id = f.project_id AND c.id = f.program_id

-- fragment: referral_codes_as_asked
-- $2 status or NULL; $3, $4: the last row of the page before, or NULL; $5 how many rows; $6 since, or NULL. Newest first.
    AND ($2::text IS NULL OR f.status = $2) AND f.created_at >= COALESCE($6::timestamptz, '-infinity')
    AND (f.created_at, f.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY f.created_at DESC, f.id DESC
LIMIT $5

-- name: control_insert_referral_code
-- No row comes back where the customer has one in the program, or the code is taken.
INSERT INTO referral_codes (project_id, id, program_id, code, customer_id)
SELECT $1::text, $2::text, $3::text, $4::text, $5::text
WHERE NOT EXISTS (SELECT FROM codes WHERE project_id = $1 AND code = $4)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: control_referral_code
-- Customer $3's in program $2.
-- use: referral_code_rows
WHERE f.project_id = $1 AND f.program_id = $2 AND f.customer_id = $3;

-- name: control_look_up_referral_code
-- Of program $2, by $3, its id, or else by $4, its code.
-- use: referral_code_rows
WHERE f.project_id = $1 AND f.program_id = $2 AND (f.id = $3 OR f.code = $4)
ORDER BY f.id = $3 DESC LIMIT 1;

-- name: control_find_referral_code
-- The same, for a change: of one code they are made one after another.
SELECT id, customer_id, status, metadata::text AS metadata FROM referral_codes
WHERE project_id = $1 AND program_id = $2 AND (id = $3 OR code = $4)
ORDER BY id = $3 DESC LIMIT 1
FOR UPDATE;

-- name: control_set_referral_code_status
UPDATE referral_codes SET status = $3, version = version + 1, updated_at = now()
WHERE project_id = $1 AND id = $2 RETURNING version;

-- name: control_set_referral_code_metadata
-- Decisions read none of it: the version stays.
UPDATE referral_codes SET metadata = $3::text::jsonb, updated_at = now() WHERE project_id = $1 AND id = $2;

-- name: control_referral_codes
-- Of all programs.
-- use: referral_code_rows
WHERE f.project_id = $1
-- use: referral_codes_as_asked
;

-- name: control_referral_codes_of_program
-- Of program $7.
-- use: referral_code_rows
WHERE f.project_id = $1 AND f.program_id = $7
-- use: referral_codes_as_asked
;

-- name: control_referral_codes_of_customer
-- Of customer $8, in program $7 or in all of them.
-- use: referral_code_rows
WHERE f.project_id = $1 AND f.customer_id = $8 AND ($7::text IS NULL OR f.program_id = $7)
-- use: referral_codes_as_asked
;

-- name: control_search_referral_codes
-- By the beginning of the code; $6 program, $7 status, $8 customer, $9 since, $10 until, or NULL.
-- use: referral_code_rows
WHERE f.project_id = $1 AND f.code >= $2 AND f.code < $2 || chr(1114111) AND f.code > $3 AND $4 >= ''
    AND ($6::text IS NULL OR f.program_id = $6) AND ($7::text IS NULL OR f.status = $7)
    AND ($8::text IS NULL OR f.customer_id = $8) AND f.created_at >= COALESCE($9::timestamptz, '-infinity')
    AND f.created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY f.code
LIMIT $5;

-- name: control_add_referrer_identities
INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)
SELECT $1, $2, $3, i.key, i.commitment FROM unnest($4::text[], $5::bytea[]) AS i (key, commitment)
ON CONFLICT DO NOTHING;

-- name: control_count_referrer_identities
SELECT count(*) FROM referrer_identities WHERE project_id = $1 AND program_id = $2 AND customer_id = $3;

-- fragment: referral_rows
SELECT r.redemption_id AS id, r.program_id, r.referrer_id, r.referee_id, r.status, r.created_at, r.rolled_back_at,
    f.code, w.rewards
FROM referrals r
LEFT JOIN referral_codes f ON f.project_id = r.project_id AND f.id = r.code_id
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('side', w.side, 'customer_id', w.customer_id,
        'type', w.terms -> 'type', 'amount_minor', COALESCE((w.terms ->> 'amount_minor')::bigint, 0),
        'points', COALESCE((w.terms ->> 'points')::bigint, 0), 'status', w.status, 'reference', w.reference,
        'owed', w.owed, 'failure', w.failure, 'used',
        COALESCE((SELECT k.used FROM counters k WHERE k.project_id = w.project_id AND k.id = 'r:' || w.reference), 0),
        'taken_off_minor', COALESCE((
            SELECT sum(l.discount_minor) FROM redemption_lines l
            JOIN redemptions d ON d.project_id = l.project_id AND d.id = l.redemption_id
            WHERE l.project_id = w.project_id AND l.redeemable_id = w.reference AND d.status <> 'rolled_back'), 0))
        ORDER BY w.side DESC), '[]') AS rewards
    FROM referral_rewards w
    WHERE w.project_id = r.project_id AND w.redemption_id = r.redemption_id) AS w

-- name: control_referrals
-- Of program $2; $3, $4: the last row of the page before, or NULL. Newest first. `used` and `taken_off_minor`: of a
-- voucher that was a reward, what the ledger has of it now.
-- use: referral_rows
WHERE r.project_id = $1 AND r.program_id = $2
    AND (r.created_at, r.redemption_id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY r.created_at DESC, r.redemption_id DESC
LIMIT $5;

-- name: control_all_referrals
-- The same of all programs; $2, $3: the last row of the page before, or NULL.
-- use: referral_rows
WHERE r.project_id = $1
    AND (r.created_at, r.redemption_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
ORDER BY r.created_at DESC, r.redemption_id DESC
LIMIT $4;

-- name: control_referrals_of_customer
-- The same of those in which $6 has referred or was referred: two walks of an index each, and what both have.
SELECT r.redemption_id AS id, r.program_id, r.referrer_id, r.referee_id, r.status, r.created_at, r.rolled_back_at,
    f.code, w.rewards
FROM (
    (SELECT * FROM referrals a WHERE a.project_id = $1 AND a.program_id = $2 AND a.referrer_id = $6
        AND (a.created_at, a.redemption_id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
        ORDER BY a.created_at DESC, a.redemption_id DESC LIMIT $5)
    UNION ALL
    (SELECT * FROM referrals b WHERE b.project_id = $1 AND b.program_id = $2 AND b.referee_id = $6
        AND (b.created_at, b.redemption_id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
        ORDER BY b.created_at DESC, b.redemption_id DESC LIMIT $5)
) AS r
LEFT JOIN referral_codes f ON f.project_id = r.project_id AND f.id = r.code_id
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('side', w.side, 'customer_id', w.customer_id,
        'type', w.terms -> 'type', 'amount_minor', COALESCE((w.terms ->> 'amount_minor')::bigint, 0),
        'points', COALESCE((w.terms ->> 'points')::bigint, 0), 'status', w.status, 'reference', w.reference,
        'owed', w.owed, 'failure', w.failure, 'used',
        COALESCE((SELECT k.used FROM counters k WHERE k.project_id = w.project_id AND k.id = 'r:' || w.reference), 0),
        'taken_off_minor', COALESCE((
            SELECT sum(l.discount_minor) FROM redemption_lines l
            JOIN redemptions d ON d.project_id = l.project_id AND d.id = l.redemption_id
            WHERE l.project_id = w.project_id AND l.redeemable_id = w.reference AND d.status <> 'rolled_back'), 0))
        ORDER BY w.side DESC), '[]') AS rewards
    FROM referral_rewards w
    WHERE w.project_id = r.project_id AND w.redemption_id = r.redemption_id) AS w
ORDER BY r.created_at DESC, r.redemption_id DESC
LIMIT $5;

-- name: control_due_referral_tasks
SELECT project_id, shard, redemption_id, side, action FROM due_referral_tasks($1);

-- name: control_take_referral_task
-- $1 project, $2 redemption, $3 side, $4 action. Nothing comes back where it is done, or another worker is at it.
SELECT w.customer_id, w.terms, w.status, w.reference, w.amount, w.lot_ms, r.status AS referral_status, t.attempts,
    p.currency
FROM referral_tasks t
JOIN referral_rewards w ON w.project_id = t.project_id AND w.redemption_id = t.redemption_id AND w.side = t.side
JOIN referrals r ON r.project_id = t.project_id AND r.redemption_id = t.redemption_id
JOIN projects p ON p.id = t.project_id
WHERE t.project_id = $1 AND t.redemption_id = $2 AND t.side = $3 AND t.action = $4 AND t.done_at IS NULL
FOR UPDATE OF t, w SKIP LOCKED;

-- name: control_set_referral_reward
-- $4 status, $5 reference, $6 amount, $7 lot, $8 owed, $9 failure.
UPDATE referral_rewards SET status = $4, reference = $5, amount = $6, lot_ms = $7, owed = $8, failure = $9,
    updated_at = now()
WHERE project_id = $1 AND redemption_id = $2 AND side = $3;

-- name: control_finish_referral_task
UPDATE referral_tasks SET done_at = now(), attempts = attempts + 1
WHERE project_id = $1 AND redemption_id = $2 AND side = $3 AND action = $4;

-- name: control_postpone_referral_task
-- Twice as long each time, five minutes at most.
UPDATE referral_tasks
SET attempts = attempts + 1, not_before = now() + least(power(2, least(attempts, 16)), 300) * interval '1 s'
WHERE project_id = $1 AND redemption_id = $2 AND side = $3 AND action = $4 AND done_at IS NULL;

-- name: control_give_gift_card
-- $1 project, $2 currency, $3 amount, $4 id, $5 code, $6 customer, $7 reason, $8 actor. No row where the code is taken.
SELECT issue_gift_cards($1, NULL, $2, $3, ARRAY[$4::text], ARRAY[$5::text], $6, 'active', NULL, NULL, NULL, '{}', $7,
    $8);

-- name: control_take_gift_back
-- $1 project, $2 card, $3 amount, $4 reason, $5 actor.
SELECT taken_minor, version, funded_minor, balance_minor FROM take_back_from_gift_card($1, $2, $3, $4, $5);

-- name: control_block_emptied_card
-- Nothing that is refunded to it later can be spent.
UPDATE gift_cards SET status = 'blocked', version = version + 1, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'active' RETURNING version;

-- name: control_disable_voucher
UPDATE vouchers SET status = 'disabled', version = version + 1, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'active' RETURNING version;
