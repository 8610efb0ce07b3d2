-- Members of an account, and invitations to be one.

-- name: control_insert_member
-- No row where somebody of this address has been invited a moment ago.
INSERT INTO members (account_id, id, person_id, email, role, project_ids, status, invite_hash, invite_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $3::text IS NULL THEN 'invited' ELSE 'active' END, $7,
    CASE WHEN $7::bytea IS NOT NULL THEN now() + make_interval(secs => $8) END)
ON CONFLICT (account_id, email) WHERE status <> 'removed' DO NOTHING
RETURNING account_id, id, email, role, project_ids, status, invite_expires_at, created_at;

-- name: control_lock_member_by_email
SELECT account_id, id, email, role, project_ids, status, invite_expires_at, created_at FROM members
WHERE account_id = $1 AND email = $2 AND status <> 'removed'
FOR UPDATE;

-- name: control_invite_again
UPDATE members SET role = $3, project_ids = $4, invite_hash = $5, invite_expires_at = now() + make_interval(secs => $6)
WHERE account_id = $1 AND id = $2
RETURNING account_id, id, email, role, project_ids, status, invite_expires_at, created_at;

-- name: control_members
-- $2, $3: the last row of the page before, or NULL; $4 a status, or NULL for all that have not been removed.
SELECT account_id, id, email, role, project_ids, status, invite_expires_at, created_at FROM members
WHERE account_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND CASE WHEN $4::text IS NULL THEN status <> 'removed' ELSE status = $4 END
ORDER BY created_at DESC, id DESC
LIMIT $5;

-- name: control_member
SELECT account_id, id, person_id, email, role, project_ids, status, invite_expires_at, created_at FROM members
WHERE account_id = $1 AND id = $2;

-- name: control_lock_owners
-- In one order for everybody: of two who remove each other, the second waits and sees that one is left.
SELECT id FROM members WHERE account_id = $1 AND role = 'owner' AND status = 'active'
ORDER BY id
FOR UPDATE;

-- name: control_lock_member
SELECT account_id, id, email, role, project_ids, status, invite_expires_at, created_at FROM members
WHERE account_id = $1 AND id = $2 AND status <> 'removed'
FOR UPDATE;

-- name: control_update_member
UPDATE members SET role = $3, project_ids = $4 WHERE account_id = $1 AND id = $2
RETURNING account_id, id, email, role, project_ids, status, invite_expires_at, created_at;

-- name: control_remove_member
UPDATE members SET status = 'removed', invite_hash = NULL, invite_expires_at = NULL WHERE account_id = $1 AND id = $2
RETURNING account_id, id, email, role, project_ids, status, invite_expires_at, created_at;

-- name: control_lookup_invitation
SELECT account_id, member_id, email FROM lookup_invitation($1);

-- name: control_accept_invitation
-- No row where the invitation has been taken back, or accepted, a moment ago.
UPDATE members SET person_id = $4, status = 'active', invite_hash = NULL, invite_expires_at = NULL
WHERE account_id = $1 AND id = $2 AND invite_hash = $3 AND status = 'invited'
RETURNING account_id, id, email, role, project_ids, status, invite_expires_at, created_at;

-- name: control_known_projects
SELECT id FROM projects WHERE account_id = $1 AND id = ANY ($2);
