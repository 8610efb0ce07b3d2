-- Rights: addresses that their owners have confirmed, and what is written of a person in each of their accounts.

ALTER TABLE people
    ADD COLUMN confirm_hash bytea CHECK (octet_length(confirm_hash) = 32), -- of what was mailed to be confirmed
    ADD COLUMN confirm_expires_at timestamptz,
    ADD CONSTRAINT people_confirm_whole CHECK ((confirm_hash IS NULL) = (confirm_expires_at IS NULL));
GRANT UPDATE (confirm_hash, confirm_expires_at) ON people TO vauchflow_app;

-- Somebody of the account is known to read the mail of their address, or an operator has made it. Until then it invites
-- nobody: an account that anybody can open must not be a way to send mail to everybody. Those of before are believed.
ALTER TABLE accounts ADD COLUMN confirmed_at timestamptz;
UPDATE accounts SET confirmed_at = now();
ALTER POLICY app_insert ON accounts
    WITH CHECK (id = (SELECT app_account_id()) AND plan = 'free' AND confirmed_at IS NULL);
SELECT allow_rows('accounts', 'vauchflow_app', '{"UPDATE (confirmed_at)"}', 'id = (SELECT app_account_id())');

-- Whose sessions stand, newest first.
CREATE INDEX sessions_by_time ON sessions (person_id, created_at, id) WHERE ended_at IS NULL;

-- What a person does to their own password or second factor concerns each account that they are a member of, and is in
-- the log of each, in the transaction that does it. Of nobody else, and about nothing but their own membership.
CREATE FUNCTION audit_own(wanted_action text, account_ids text[], entry_ids text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO audit_log (account_id, id, actor, action, object, object_id)
    SELECT m.account_id, u.entry_id, m.id, 'member.' || wanted_action, 'member', m.id
    FROM unnest(account_ids, entry_ids) AS u (account_id, entry_id)
    JOIN members m ON m.account_id = u.account_id
    WHERE m.person_id = (SELECT app_person_id()) AND m.status = 'active';
END;
REVOKE ALL ON FUNCTION audit_own(text, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_own(text, text[], text[]) TO vauchflow_app;
