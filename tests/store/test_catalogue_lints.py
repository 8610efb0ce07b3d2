"""G5: the catalogue of the migrated database as linters of row security read it. What pgrls (its SEC, PERF and VIEW
rules) and Supabase's splinter look for stands here, by what goes wrong; test_catalogue.py says what our own tables must
be. A table, a function or a grant that comes later is held to it without being named."""

import re
from typing import Any

import pytest

from store.migrate import APP_ROLE, CARDS_ROLE, RECONCILER_ROLE, SILENT_ROLES

from .test_catalogue import HOUSE_TABLES, ROLES

OWNER_ROLE = "vauchflow_owner"

# Triggers fire for whoever writes; their functions are of the house, and these.
TRIGGER_FUNCTIONS = {
    "assign_rules",
    "check_referrals",
    "keep_customer_segments",
    "keep_product_labels",
    "note_was_given",
    "refuse_changes",
    "register_codes",
    "release_rules",
}
# Tables whose tenant's column may be NULL, where the row is then the whole account's and the policy says so.
OF_ACCOUNT_OR_PROJECT = {"api_keys", "audit_log", "idempotency_keys", "outbox", "alarms"}
# What may be compared with a word that is written down: it narrows what may be written.
LITERALS = {("accounts", "'free'")}
# So does this, in the policies of the cards' functions: the app calls them for a project, the reconciler for a shard.
NOT_THE_APP = " AND (SESSION_USER <> 'vauchflow_app'::name)"
# Columns of policies that may be NULL, and then show their row to nobody, or narrow a DELETE.
NULL_SHOWS_NOTHING = {
    ("alarms", "shard"), ("quarantine", "project_id"), ("outbox", "applied_at"), ("members", "person_id"),
    ("accounts", "confirmed_at"),
}  # fmt: skip
# Two unique keys, for what is of a project and for what is of the account alone.
WITHOUT_PRIMARY_KEY = {"idempotency_keys"}

PUBLIC_GRANTS = """
SELECT 'table ' || c.relname || ' ' || a.privilege_type AS leak
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND (a.grantee = 0 OR a.is_grantable)
        AND a.grantee <> c.relowner
UNION ALL SELECT 'column ' || c.relname || '.' || t.attname || ' ' || a.privilege_type
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
    WHERE c.relnamespace = 'public'::regnamespace AND (a.grantee = 0 OR a.is_grantable)
UNION ALL SELECT 'function ' || p.proname || ' ' || a.privilege_type
    FROM pg_proc p, aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.pronamespace = 'public'::regnamespace AND (a.grantee = 0 OR a.is_grantable) AND a.grantee <> p.proowner
UNION ALL SELECT 'schema ' || n.nspname || ' ' || a.privilege_type
    FROM pg_namespace n, aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a
    WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type <> 'USAGE'
UNION ALL SELECT 'database ' || d.datname || ' ' || a.privilege_type
    FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a
    WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CREATE'"""

EXPOSED = """
SELECT 'view ' || relname AS door FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')
UNION ALL SELECT 'child table ' || inhrelid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
UNION ALL SELECT 'rule ' || rulename FROM pg_rules WHERE schemaname = 'public'
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'default privileges of ' || defaclrole::regrole FROM pg_default_acl
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT 'foreign server ' || srvname FROM pg_foreign_server
UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata
UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extnamespace = 'public'::regnamespace
UNION ALL SELECT 'setting of a role: ' || s.setconfig::text FROM pg_db_role_setting s
    WHERE s.setconfig::text ~ '(row_security|search_path|app[.]|role=)'"""

FUNCTIONS = """
SELECT p.proname AS name, p.prosecdef AS definer, p.provolatile AS volatility, p.proleakproof AS leakproof,
    l.lanname AS language, p.proowner::regrole::text AS owner, p.prosrc AS body, p.proconfig AS config,
    p.prorettype = 'trigger'::regtype AS is_trigger, pg_get_functiondef(p.oid) AS definition
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'public'::regnamespace"""

COLUMNS_OF_POLICIES = """
SELECT o.polrelid::regclass::text AS table_name, o.polname AS name, a.attname AS column_name, a.attnotnull AS is_set
FROM pg_policy o JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = o.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = o.polrelid AND d.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = o.polrelid AND a.attnum = d.refobjsubid"""

# Where nobody may delete what is referred to, nobody looks for what refers to it.
UNINDEXED_FOREIGN_KEYS = """
SELECT c.conrelid::regclass::text || '.' || c.conname AS name FROM pg_constraint c
WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND EXISTS (
    SELECT FROM pg_class p, aclexplode(p.relacl) a
        WHERE p.oid = c.confrelid AND a.privilege_type = 'DELETE' AND a.grantee <> p.relowner
) AND NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = c.conrelid
        AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)"""

DUPLICATE_INDEXES = """
SELECT a.indexrelid::regclass::text || ' = ' || b.indexrelid::regclass::text AS name
FROM pg_index a JOIN pg_index b ON a.indrelid = b.indrelid AND a.indexrelid < b.indexrelid
    AND a.indkey = b.indkey AND a.indclass = b.indclass AND a.indoption = b.indoption
    AND a.indisunique = b.indisunique
    AND COALESCE(pg_get_expr(a.indpred, a.indrelid), '') = COALESCE(pg_get_expr(b.indpred, b.indrelid), '')
    AND COALESCE(pg_get_expr(a.indexprs, a.indrelid), '') = COALESCE(pg_get_expr(b.indexprs, b.indrelid), '')
JOIN pg_class t ON t.oid = a.indrelid WHERE t.relnamespace = 'public'::regnamespace"""


async def policies_of(owner: Any) -> list[Any]:
    return list(
        await owner.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname")
    )


async def test_lint_every_table_is_shut_or_has_policies(owner: Any) -> None:
    """SEC001, SEC002, SEC009, SEC012, SEC032; of other schemas too: there are none."""
    tables = await owner.fetch("""SELECT c.relname AS name, n.nspname AS schema,
        c.relrowsecurity AND c.relforcerowsecurity AS is_forced,
        (SELECT count(*) FROM pg_policy o WHERE o.polrelid = c.oid) AS policies
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')""")
    assert {row["schema"] for row in tables} == {"public"}
    assert [row["name"] for row in tables if not row["is_forced"]] == []
    assert {row["name"] for row in tables if not row["policies"]} == HOUSE_TABLES


async def test_lint_nothing_is_granted_to_public_or_to_be_passed_on(owner: Any) -> None:
    """SEC003, SEC039, SEC042, SEC045, SEC049."""
    assert [row["leak"] for row in await owner.fetch(PUBLIC_GRANTS)] == []


async def test_lint_there_is_no_side_door(owner: Any) -> None:
    """SEC041, SEC043, SEC044, SEC051 to SEC054, VIEW001 to VIEW004; extensions, rules, publications, settings."""
    assert [row["door"] for row in await owner.fetch(EXPOSED)] == []


async def test_lint_no_policy_is_a_constant_or_reads_more_than_its_row(owner: Any) -> None:
    """SEC004, SEC008, SEC010, SEC011, SEC018, SEC020, SEC021, SEC025, SEC026, SEC028, SEC031, SEC036, SEC038."""
    for policy in await policies_of(owner):
        for said in filter(None, (policy["qual"], policy["with_check"])):
            predicate = said.replace(NOT_THE_APP, "") if policy["roles"] == [CARDS_ROLE] else said
            at = (policy["tablename"], policy["policyname"], predicate)
            assert not re.search(r"\b(true|false|current_user|session_user)\b", predicate, re.IGNORECASE), at
            assert not re.search(r"~~|~\*|SIMILAR|EXISTS|\bFROM\b(?!\))", predicate.replace("IS DISTINCT FROM", "")), at
            literals = set(re.findall(r"'[^']*'", predicate))
            assert {(policy["tablename"], each) for each in literals} <= LITERALS | _statuses(policy), at
            # A setting that is not set must show nothing: it is never the thing that is allowed to be missing alone.
            for alone in re.split(r"\bOR\b", predicate):
                assert re.search(r"= \( SELECT app_|\( SELECT app_shard\(\) AS app_shard\) IS NOT NULL", alone), at


def _statuses(policy: Any) -> set[tuple[str, str]]:
    """A DELETE may be confined to rows of some statuses: it narrows."""
    if policy["cmd"] != "DELETE":
        return set()
    return {(policy["tablename"], each) for each in re.findall(r"'[^']*'", policy["qual"])}


async def test_lint_writes_are_checked_as_reads_are(owner: Any) -> None:
    """SEC006, SEC022, SEC040, HYG003: no write without a check; one policy for a role and a command."""
    policies = await policies_of(owner)
    for policy in policies:
        assert policy["cmd"] in ("SELECT", "INSERT", "UPDATE", "DELETE"), policy
        assert (policy["with_check"] is not None) == (policy["cmd"] in ("INSERT", "UPDATE")), policy
    ways = [(policy["tablename"], tuple(policy["roles"]), policy["cmd"]) for policy in policies]
    assert sorted(ways) == sorted(set(ways))


async def test_lint_a_tenant_is_never_unknown_by_accident(owner: Any) -> None:
    """SEC027, SEC030: columns that policies compare are NOT NULL, but where a row may be the whole account's; whatever
    has a column that says whose it is, is confined by it for the app."""
    nullable = {
        (row["table_name"], row["column_name"]) for row in await owner.fetch(COLUMNS_OF_POLICIES) if not row["is_set"]
    }
    allowed = {(table, "project_id") for table in OF_ACCOUNT_OR_PROJECT}
    assert nullable <= allowed | NULL_SHOWS_NOTHING, nullable - allowed


async def test_lint_functions_leave_no_way_round(owner: Any) -> None:
    """SEC013 to SEC017, SEC046, PERF002, splinter's 0011: who they run as, what they find first, what they build."""
    for row in await owner.fetch(FUNCTIONS):
        name, body = row["name"], row["body"] + row["definition"]
        assert not row["leakproof"], name
        assert row["language"] in ("sql", "plpgsql"), name
        assert row["owner"] in (OWNER_ROLE, *SILENT_ROLES), name
        if row["definer"]:
            assert row["config"] == ["search_path=pg_catalog, public, pg_temp"], name
            assert not re.search(r"\bEXECUTE\s+(format|'|\w+\s*\|\|)", body), f"{name} builds statements as its owner"
            assert "set_config(" not in body, f"{name} says for whom the transaction is"
        if "current_setting(" in body:
            # Immutable, it would be folded into a plan that another tenant's statement finds. Missing, it is NULL.
            assert row["volatility"] == b"s", name
            assert re.search(r"current_setting\('app\.\w+'(::text)?, true\)", body), name
        assert row["is_trigger"] == (name in TRIGGER_FUNCTIONS), name


async def test_lint_no_role_comes_by_another_that_is_not_held_to_policies(owner: Any) -> None:
    """SEC016, SEC023, SEC029, SEC048: the owner alone bypasses row security, and nobody of ours becomes the owner."""
    mighty = await owner.fetch("SELECT rolname::text AS name FROM pg_roles WHERE rolbypassrls OR rolsuper")
    ours = {row["name"] for row in mighty if row["name"].startswith("vauchflow")}
    assert ours == {OWNER_ROLE}
    for role in ROLES:
        for other in (*ours, *ROLES, *(row["name"] for row in mighty)):
            may = await owner.fetchval(
                "SELECT pg_has_role($1, $2, 'MEMBER') OR pg_has_role($1, $2, 'USAGE')", role, other
            )
            assert may == (role == other), (role, other)
    known = {row["name"] for row in await owner.fetch("SELECT rolname::text AS name FROM pg_roles WHERE rolcanlogin")}
    assert not known & set(SILENT_ROLES)
    assert {APP_ROLE, RECONCILER_ROLE} <= known


async def test_lint_what_policies_compare_has_an_index_that_begins_with_it(owner: Any) -> None:
    """PERF001, PERF003, PERF004: a project's rows are found without reading others'."""
    rows = await owner.fetch(
        """SELECT c.relname AS name FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'project_id'
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum)"""
    )
    # Their rows are reached by other keys, and are few or read by shard.
    assert {row["name"] for row in rows} <= OF_ACCOUNT_OR_PROJECT | {"quarantine"}, rows


@pytest.mark.parametrize("lint", ["unindexed foreign keys", "duplicate indexes", "tables without a primary key"])
async def test_lint_performance(owner: Any, lint: str) -> None:
    """splinter's 0001, 0004 and 0009."""
    statements = {
        "unindexed foreign keys": UNINDEXED_FOREIGN_KEYS,
        "duplicate indexes": DUPLICATE_INDEXES,
        "tables without a primary key": """SELECT c.relname AS name FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)""",
    }
    found = {row["name"] for row in await owner.fetch(statements[lint])}
    assert found <= (WITHOUT_PRIMARY_KEY if lint == "tables without a primary key" else set()), found
