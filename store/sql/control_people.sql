-- People, their sessions, and the accounts that they are members of.

-- name: control_count_attempt
SELECT count_attempt($1, $2);

-- name: control_forget_attempts
SELECT forget_attempts($1);

-- name: control_lookup_session
SELECT id, person_id, member_id, account_id, role, project_ids, shard, account_status, seen_at
FROM lookup_session($1);

-- name: control_see_session
UPDATE sessions SET seen_at = now() WHERE person_id = $1 AND id = $2;

-- name: control_insert_session
INSERT INTO sessions (person_id, id, account_id, member_id, token_hash) VALUES ($1, $2, $3, $4, $5);

-- name: control_end_session
UPDATE sessions SET ended_at = now() WHERE person_id = $1 AND id = $2 AND ended_at IS NULL;

-- name: control_end_one_session
-- As lookup_session() has it: one that is over by itself, or whose member has gone, is none.
UPDATE sessions s SET ended_at = now() FROM members m
WHERE s.person_id = $1 AND s.id = $2 AND s.ended_at IS NULL AND m.account_id = s.account_id AND m.id = s.member_id
    AND m.status = 'active' AND s.seen_at > now() - interval '12 hours' AND s.created_at > now() - interval '30 days'
RETURNING s.account_id, s.member_id;

-- name: control_sessions
-- Those that stand. $2, $3: the last row of the page before, or NULL. Newest first.
SELECT s.id, s.account_id, s.member_id, s.created_at, s.seen_at, s.created_at + interval '30 days' AS expires_at
FROM sessions s JOIN members m ON m.account_id = s.account_id AND m.id = s.member_id AND m.status = 'active'
WHERE s.person_id = $1 AND s.ended_at IS NULL AND ($2::timestamptz IS NULL OR (s.created_at, s.id) < ($2, $3))
    AND s.seen_at > now() - interval '12 hours' AND s.created_at > now() - interval '30 days'
ORDER BY s.created_at DESC, s.id DESC
LIMIT $4;

-- name: control_end_sessions
UPDATE sessions SET ended_at = now() WHERE person_id = $1 AND ended_at IS NULL;

-- name: control_sweep_sessions
DELETE FROM sessions WHERE person_id = $1 AND created_at < now() - interval '30 days';

-- name: control_lookup_person
SELECT id, password_hash FROM lookup_person($1);

-- name: control_insert_person
INSERT INTO people (id, email, password_hash, verified_at) VALUES ($1, $2, $3, CASE WHEN $4 THEN now() END);

-- name: control_person
SELECT id, email, password_hash, verified_at, totp_secret, totp_confirmed_at, totp_step, recovery_hashes,
    cardinality(recovery_hashes) AS recovery_count
FROM people WHERE id = $1;

-- name: control_lock_person
SELECT id, email, password_hash, verified_at, totp_secret, totp_confirmed_at, totp_step, recovery_hashes
FROM people WHERE id = $1
FOR UPDATE;

-- name: control_set_password
-- Ends what a reset was mailed for.
UPDATE people SET password_hash = $2, reset_hash = NULL, reset_expires_at = NULL WHERE id = $1;

-- name: control_prove_address
-- Whoever set a second factor before the address was proven was somebody else, or can set it again.
UPDATE people SET verified_at = COALESCE(verified_at, now()),
    totp_secret = CASE WHEN verified_at IS NULL THEN NULL ELSE totp_secret END,
    totp_confirmed_at = CASE WHEN verified_at IS NULL THEN NULL ELSE totp_confirmed_at END,
    recovery_hashes = CASE WHEN verified_at IS NULL THEN '{}' ELSE recovery_hashes END
WHERE id = $1;

-- name: control_begin_confirmation
-- Nothing where the address is proven.
UPDATE people SET confirm_hash = $2, confirm_expires_at = now() + make_interval(secs => $3)
WHERE id = $1 AND verified_at IS NULL;

-- name: control_confirm_address
-- No row where this is not what was mailed last, or was too long ago. The person has signed in: their factors stay.
UPDATE people SET verified_at = COALESCE(verified_at, now()), confirm_hash = NULL, confirm_expires_at = NULL
WHERE id = $1 AND confirm_hash = $2 AND confirm_expires_at > now()
RETURNING id;

-- name: control_begin_reset
UPDATE people SET reset_hash = $2, reset_expires_at = now() + make_interval(secs => $3) WHERE id = $1;

-- name: control_lookup_reset
SELECT lookup_password_reset($1);

-- name: control_claim_reset
-- No row where the token was used, or replaced, a moment ago.
UPDATE people SET reset_hash = NULL, reset_expires_at = NULL WHERE id = $1 AND reset_hash = $2
RETURNING id;

-- name: control_begin_totp
UPDATE people SET totp_secret = $2 WHERE id = $1;

-- name: control_confirm_totp
UPDATE people SET totp_confirmed_at = now(), totp_step = $2, recovery_hashes = $3 WHERE id = $1;

-- name: control_take_totp
UPDATE people SET totp_step = $2 WHERE id = $1;

-- name: control_take_recovery_code
UPDATE people SET recovery_hashes = array_remove(recovery_hashes, $2) WHERE id = $1;

-- name: control_remove_totp
UPDATE people SET totp_secret = NULL, totp_confirmed_at = NULL, recovery_hashes = '{}' WHERE id = $1;

-- name: control_memberships
-- Of a person who may be nobody else's business yet: the account that they joined first comes first.
SELECT account_id, id, role, project_ids FROM members
WHERE person_id = $1 AND status = 'active'
ORDER BY created_at, account_id
LIMIT 100;
