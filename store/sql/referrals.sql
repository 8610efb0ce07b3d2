-- Referrals as the ledger writes them and the engine asks for them.

-- name: insert_referee_identities
-- Before the referrals: what checks those reads them.
INSERT INTO referee_identities (project_id, redemption_id, program_id, key, commitment)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[]);

-- name: insert_referrals
-- Who refers is whose code it is.
INSERT INTO referrals (project_id, redemption_id, line_no, program_id, code_id, referrer_id, referee_id, created_at)
SELECT a.project_id, a.redemption_id, a.line_no, a.program_id, a.code_id, c.customer_id, a.referee_id,
    'epoch'::timestamptz + a.time_ms * interval '1 ms'
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    AS a (project_id, redemption_id, line_no, program_id, code_id, referee_id, time_ms)
LEFT JOIN referral_codes c ON c.project_id = a.project_id AND c.id = a.code_id;

-- name: insert_referral_rewards
-- What the programs of these referrals give each side now, and that it is to be given.
WITH due AS (
    INSERT INTO referral_rewards (project_id, redemption_id, side, customer_id, terms, created_at)
    SELECT r.project_id, r.redemption_id, s.side,
        CASE s.side WHEN 'referrer' THEN r.referrer_id ELSE r.referee_id END, c.program -> (s.side || '_reward'),
        r.created_at
    FROM unnest($1::text[], $2::text[]) AS a (project_id, redemption_id)
    JOIN referrals r ON r.project_id = a.project_id AND r.redemption_id = a.redemption_id
    JOIN campaigns c ON c.project_id = r.project_id AND c.id = r.program_id
    CROSS JOIN unnest('{referrer,referee}'::text[]) AS s (side)
    WHERE jsonb_typeof(c.program -> (s.side || '_reward')) = 'object'
    RETURNING project_id, redemption_id, side
)
INSERT INTO referral_tasks (project_id, redemption_id, side, action)
SELECT project_id, redemption_id, side, 'issue' FROM due;

-- name: roll_back_referrals
-- Those of these redemptions that are rolled back whole (line 0), or at the very line of the referral: the customer can
-- be referred again, and what was given for it is to be taken back.
WITH gone AS (
    UPDATE referrals r
    SET status = 'rolled_back', rolled_back_at = 'epoch'::timestamptz + a.time_ms * interval '1 ms'
    FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[]) AS a (project_id, redemption_id, line_no, time_ms)
    WHERE r.project_id = a.project_id AND r.redemption_id = a.redemption_id AND r.status = 'active'
        AND a.line_no IN (0, r.line_no)
    RETURNING r.project_id, r.redemption_id
), freed AS (
    UPDATE referee_identities i SET is_active = false FROM gone g
    WHERE i.project_id = g.project_id AND i.redemption_id = g.redemption_id
)
INSERT INTO referral_tasks (project_id, redemption_id, side, action)
SELECT w.project_id, w.redemption_id, w.side, 'take_back'
FROM gone g JOIN referral_rewards w ON w.project_id = g.project_id AND w.redemption_id = g.redemption_id;

-- name: referral_emails
-- $1 project, $2 ids of customers: the addresses that the project keeps of them.
SELECT id, email FROM customers WHERE project_id = $1 AND id = ANY($2::text[]) AND email IS NOT NULL;

-- name: referral_facts
-- $1 project, $2 program, $3 referrer, $4 who would be referred, with $5, $6 identities.
SELECT shares_identity, is_referred, is_ring
FROM referral_facts($1, $2, $3, $4, $5::text[], $6::bytea[], '');

-- name: referral_code_rows
-- By their codes.
SELECT id, project_id, code, program_id AS campaign_id, version, status, '{}'::jsonb AS rules,
    0::bigint AS counts_customers_since, 'referral_code' AS object, customer_id
FROM referral_codes WHERE project_id = $1 AND code = ANY($2::text[]);

-- name: referral_code_row
SELECT id, project_id, code, program_id AS campaign_id, version, status, '{}'::jsonb AS rules,
    0::bigint AS counts_customers_since, 'referral_code' AS object, customer_id
FROM referral_codes WHERE project_id = $1 AND id = $2;
