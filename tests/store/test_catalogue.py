"""G5 as the catalogue shows it: no table, key, grant or role may be an exception that nobody named."""

from typing import Any

import pytest

from store.migrate import APP_ROLE, CARDS_ROLE, ERASER_ROLE, RECONCILER_ROLE

ROLES = (APP_ROLE, RECONCILER_ROLE, CARDS_ROLE, ERASER_ROLE)

CARDS_FUNCTIONS = {
    "issue_gift_cards": {APP_ROLE, CARDS_ROLE},
    "fund_gift_card": {APP_ROLE, CARDS_ROLE},
    "take_back_from_gift_card": {APP_ROLE, CARDS_ROLE},
    "issue_loyalty_card": {APP_ROLE, CARDS_ROLE},
    "add_points": {APP_ROLE, CARDS_ROLE},
    "take_back_points": {APP_ROLE, CARDS_ROLE},
    "post_gift_card_spends": {RECONCILER_ROLE, CARDS_ROLE},
    "post_loyalty_spends": {RECONCILER_ROLE, CARDS_ROLE},
    "points_available": {CARDS_ROLE},
    "post_points": {CARDS_ROLE},
    "take_from_lot": {CARDS_ROLE},
}

ERASER_FUNCTIONS = {
    "erase_redemptions": {APP_ROLE, ERASER_ROLE},
    "erase_reservations": {APP_ROLE, ERASER_ROLE},
    "erase_events": {APP_ROLE, ERASER_ROLE},
    "erase_belongings": {APP_ROLE, ERASER_ROLE},
    "erase_referrals": {APP_ROLE, ERASER_ROLE},
    "erase_traces": {APP_ROLE, ERASER_ROLE},
    "erase_publications": {APP_ROLE, ERASER_ROLE},
    "packed_end": {ERASER_ROLE},
    "packed_number": {ERASER_ROLE},
    "packed_elements": {ERASER_ROLE},
    "packed_array": {ERASER_ROLE},
    "packed_text": {ERASER_ROLE},
    "packed_with": {ERASER_ROLE},
    "counts_customer": {ERASER_ROLE},
    "blank_moves": {ERASER_ROLE},
    "blank_redeemed": {ERASER_ROLE},
    "blank_rolled_back": {ERASER_ROLE},
    "customer_of_event": {ERASER_ROLE},
}

# Tables whose rows belong to a shard or to the house, not to a tenant, and how the app may reach them.
SHARD_TABLES = {"epochs", "stream_positions", "worker_leases", "ring_entries", "quarantine", "alarms"}
HOUSE_TABLES = {"schema_migrations", "attempts"}
# What belongs to a person, who may be a member of several accounts: shown to that person alone.
PERSON_TABLES = {"people", "sessions"}

# Unique keys without project_id or account_id, each with its reason.
GLOBAL_KEYS = {
    "accounts_pkey": "the account itself",
    "projects_pkey": "the project itself: what project_id refers to",
    "people_pkey": "the person",
    "people_email_key": "who signs in is found by the address before any account is known",
    "people_reset_hash_key": "found by what was mailed, before anybody is known; 256 bits tell nothing of others",
    "members_invite_hash_key": "the same of an invitation",
    "sessions_pkey": "a person's",
    "sessions_token_hash_key": "a cookie is looked up before its tenant is known",
    "api_keys_key_hash_key": "a key is looked up before its tenant is known; 256 bits tell nothing of others",
}

TABLES = """
SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"""

KEYS = """
SELECT t.relname AS table_name, i.relname AS name,
    array(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = t.oid AND a.attnum = ANY (x.indkey)) AS columns
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique"""

FOREIGN_KEYS = """
SELECT c.conname AS name, t.relname AS table_name, r.relname AS target,
    array(SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = t.oid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
WHERE c.contype = 'f' AND t.relnamespace = 'public'::regnamespace"""

GRANTS = """
SELECT c.relname AS table_name, r.rolname AS grantee, p.verb,
    has_table_privilege(r.oid, c.oid, p.verb) OR (p.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege(r.oid, c.oid, p.verb)) AS granted,
    EXISTS (SELECT FROM pg_policies o WHERE o.schemaname = 'public' AND o.tablename = c.relname
        AND r.rolname = ANY (o.roles) AND o.cmd = p.verb) AS has_policy
FROM pg_class c, pg_roles r,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (verb)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND r.rolname = ANY ($1)"""


async def test_g5_row_security_is_enabled_and_forced_on_every_table(owner: Any) -> None:
    tables = await owner.fetch(TABLES)
    assert len(tables) >= 20
    assert [row["name"] for row in tables if not (row["enabled"] and row["forced"])] == []


async def test_g5_every_granted_command_has_its_policy_and_no_policy_is_idle(owner: Any) -> None:
    rows = await owner.fetch(GRANTS, ROLES)
    assert [tuple(row) for row in rows if row["granted"] != row["has_policy"]] == []


async def test_nobody_may_truncate_refer_or_add_triggers(owner: Any) -> None:
    rows = await owner.fetch(GRANTS, ROLES)
    forbidden = {"TRUNCATE", "REFERENCES", "TRIGGER"}
    assert [tuple(row) for row in rows if row["granted"] and row["verb"] in forbidden] == []


async def test_deletes_are_few_and_the_app_never_writes_the_ledger(owner: Any) -> None:
    rows = await owner.fetch(GRANTS, ROLES)
    granted = {(row["grantee"], row["verb"], row["table_name"]) for row in rows if row["granted"]}
    assert {(role, table) for role, verb, table in granted if verb == "DELETE"} == {
        (APP_ROLE, "idempotency_keys"),
        (APP_ROLE, "sessions"),
        (APP_ROLE, "async_actions"),  # those alone whose file never came in whole
        (APP_ROLE, "async_action_chunks"),
        (APP_ROLE, "metadata_schemas"),
        (APP_ROLE, "campaigns"),  # drafts alone, that nothing has come into
        (APP_ROLE, "validation_rules"),  # those that nothing names
        (APP_ROLE, "validation_rule_assignments"),
        (APP_ROLE, "segments"),
        (APP_ROLE, "collections"),
        (RECONCILER_ROLE, "outbox"),
        (RECONCILER_ROLE, "worker_leases"),
        (RECONCILER_ROLE, "ring_entries"),
        (RECONCILER_ROLE, "reservation_holds"),
        (APP_ROLE, "customers"),
        (ERASER_ROLE, "customers"),
        (ERASER_ROLE, "counters"),
        (ERASER_ROLE, "outbox"),
        (ERASER_ROLE, "reservations"),
        (ERASER_ROLE, "reservation_holds"),
        (ERASER_ROLE, "referee_identities"),
        (ERASER_ROLE, "referrer_identities"),
    }
    written = {table for role, verb, table in granted if role == APP_ROLE and verb in ("INSERT", "UPDATE")}
    assert not written & {
        "redemptions",
        "redemption_lines",
        "redemption_rollbacks",
        "reservations",
        "reservation_holds",
        "receipts",
        "receipt_heads",
        "usage_daily",
        "stream_positions",
        "epochs",
        "quarantine",
    }
    assert not {table for _, _, table in granted} & HOUSE_TABLES


async def test_cards_are_written_by_their_role_alone_and_entries_never_changed(owner: Any) -> None:
    rows = await owner.fetch(GRANTS, ROLES)
    granted = {(row["grantee"], row["verb"], row["table_name"]) for row in rows if row["granted"]}
    cards = {"gift_cards", "loyalty_cards", "loyalty_lots"}
    entries = {"gift_card_entries", "loyalty_entries"}
    assert {table for role, verb, table in granted if role == CARDS_ROLE} == cards | entries | {"codes"}
    assert {(role, table) for role, verb, table in granted if verb == "INSERT" and table in cards | entries} == {
        (CARDS_ROLE, table) for table in cards | entries
    }
    assert {(role, table) for role, verb, table in granted if verb == "UPDATE" and table in cards | entries} == {
        *((CARDS_ROLE, table) for table in cards),
        (APP_ROLE, "gift_cards"),
        (APP_ROLE, "loyalty_cards"),
        (ERASER_ROLE, "loyalty_cards"),
    }
    numbers = await owner.fetch(
        """SELECT table_name::text, column_name::text FROM information_schema.column_privileges
        WHERE grantee = $1 AND privilege_type = 'UPDATE' AND table_name = ANY ($2)""",
        APP_ROLE,
        list(cards),
    )
    of_the_app = {row["column_name"] for row in numbers}
    assert not of_the_app & {"funded_minor", "spent_minor", "entry_count", "points", "owed", "earned_total"}


async def test_the_eraser_changes_what_may_tell_of_a_person_and_inserts_nothing(owner: Any) -> None:
    rows = await owner.fetch(
        """SELECT table_name::text, column_name::text FROM information_schema.column_privileges
        WHERE grantee = $1 AND privilege_type <> 'SELECT' ORDER BY 1, 2""",
        ERASER_ROLE,
    )
    written: dict[str, set[str]] = {}
    for row in rows:
        written.setdefault(row["table_name"], set()).add(row["column_name"])
    assert written["redemptions"] == {
        *("customer_id", "idempotency_key", "fingerprint", "order_id", "order_key", "body")
    }
    assert (written["redemption_lines"], written["receipts"]) == ({"moves"}, {"salt"})
    assert written["redemption_rollbacks"] == {"idempotency_key", "fingerprint", "body", "moves"}
    assert written["quarantine"] == {"payload", "detail", "counted_moves"}
    assert written["loyalty_cards"] == {"customer_id", "status", "metadata", "version", "updated_at"}
    granted = {(row["verb"], row["table_name"]) for row in await owner.fetch(GRANTS, (ERASER_ROLE,)) if row["granted"]}
    assert {table for verb, table in granted if verb == "INSERT"} == set()


async def test_policies_are_the_roles_alone_and_none_says_true(owner: Any) -> None:
    policies = await owner.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'")
    for policy in policies:
        assert policy["roles"] in [[role] for role in ROLES], policy["policyname"]
        assert policy["permissive"] == "PERMISSIVE"
        for predicate in (policy["qual"], policy["with_check"]):
            # Each reads a setting in a sub-select, once per statement.
            assert predicate is None or "( SELECT app_" in predicate, policy
        if policy["cmd"] == "UPDATE":
            assert policy["qual"] == policy["with_check"]


async def test_g5_tenant_policies_compare_the_tenant(owner: Any) -> None:
    policies = await owner.fetch("SELECT * FROM pg_policies WHERE $1 = ANY (roles)", APP_ROLE)
    tables = {policy["tablename"] for policy in policies} - (SHARD_TABLES - {"quarantine"})
    assert len(tables) >= 15
    for policy in policies:
        predicate = policy["qual"] or policy["with_check"]
        if policy["tablename"] in PERSON_TABLES:
            assert "app_person_id" in predicate, policy
            continue
        tenant = "app_account_id" in predicate or "app_project_id" in predicate
        assert tenant if policy["tablename"] in tables else "app_shard" in predicate, policy


async def test_g5_every_unique_key_carries_its_tenant(owner: Any) -> None:
    for key in await owner.fetch(KEYS):
        if key["table_name"] in SHARD_TABLES | HOUSE_TABLES or key["name"] in GLOBAL_KEYS:
            continue
        assert {"project_id", "account_id"} & set(key["columns"]), key["name"]


async def test_g5_every_foreign_key_carries_its_tenant(owner: Any) -> None:
    keys = await owner.fetch(FOREIGN_KEYS)
    assert len(keys) >= 15
    for key in keys:
        if key["target"] == "people":
            assert key["columns"] == ["person_id"]
            continue
        wanted = {"shard"} if key["table_name"] in SHARD_TABLES else {"project_id", "account_id"}
        assert wanted & set(key["columns"]), key["name"]
        if key["target"] not in ("accounts", "projects", "epochs", "members", "api_keys"):
            assert "project_id" in key["columns"], key["name"]


@pytest.mark.parametrize("role", ROLES)
async def test_g5_roles_have_no_power_and_own_nothing_but_their_functions(owner: Any, role: str) -> None:
    row = await owner.fetchrow(
        """SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty,
            (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS relations,
            (SELECT count(*) FROM pg_proc WHERE proowner = r.oid) AS functions,
            (SELECT count(*) FROM pg_namespace WHERE nspowner = r.oid) AS schemas,
            (SELECT count(*) FROM pg_auth_members WHERE member = r.oid) AS memberships,
            has_schema_privilege(oid, 'public', 'CREATE') AS can_create
        FROM pg_roles r WHERE rolname = $1""",
        role,
    )
    owned = {CARDS_ROLE: CARDS_FUNCTIONS, ERASER_ROLE: ERASER_FUNCTIONS}.get(role, {})
    assert tuple(row) == (False, 0, len(owned), 0, 0, False)


async def test_functions_are_for_whom_they_are_meant(owner: Any) -> None:
    rows = await owner.fetch(
        """SELECT p.proname::text AS name, p.prosecdef AS definer, p.proconfig AS config,
            array(SELECT r.rolname::text FROM pg_roles r
                WHERE r.rolname = ANY ($1) AND has_function_privilege(r.oid, p.oid, 'EXECUTE')) AS callers
        FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace""",
        ROLES,
    )
    for row in rows:
        # Those that do not change who they run as fire within others that do. What has no path was bound when made.
        if row["definer"] or row["config"] is not None:
            assert row["config"] == ["search_path=pg_catalog, public, pg_temp"], row["name"]
    callers = {row["name"]: set(row["callers"]) for row in rows}
    serving = {APP_ROLE, RECONCILER_ROLE}
    settings = {"app_project_id": set(ROLES), "app_shard": serving | {CARDS_ROLE}}
    settings |= dict.fromkeys(("app_account_id", "app_worker_id", "app_person_id"), serving)
    assert callers == settings | CARDS_FUNCTIONS | ERASER_FUNCTIONS | {
        "refuse_changes": set(),
        "give_to_cards": set(),
        "give_to_eraser": set(),
        "knows_customer": {APP_ROLE},
        "forget_old_answers": {APP_ROLE},
        "lookup_api_key": {APP_ROLE},
        "lookup_session": {APP_ROLE},
        "lookup_person": {APP_ROLE},
        "lookup_password_reset": {APP_ROLE},
        "lookup_invitation": {APP_ROLE},
        "audit_own": {APP_ROLE},
        "count_attempt": {APP_ROLE},
        "forget_attempts": {APP_ROLE},
        "due_async_actions": {APP_ROLE},
        "spent_async_actions": {APP_ROLE},
        "due_referral_tasks": {APP_ROLE},
        "referral_facts": serving,
        "allow_rows": set(),
        "check_referrals": set(),
        "register_codes": set(),
        "assign_rules": set(),
        "release_rules": set(),
        "keep_customer_segments": set(),
        "keep_product_labels": set(),
        "note_was_given": set(),
        "row_scope": set(),
        "search_key": serving,
    }


async def test_no_view_or_sequence_is_a_side_door(owner: Any) -> None:
    views = """SELECT count(*) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')"""
    assert await owner.fetchval(views) == 0
    sequences = """SELECT count(*) FROM pg_class c, pg_roles r
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S' AND r.rolname = ANY ($1)
            AND has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')"""
    assert await owner.fetchval(sequences, ROLES) == 0
