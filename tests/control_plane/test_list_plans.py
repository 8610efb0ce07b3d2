"""Every list of the API, by every way of narrowing it, walks an index: looked at as PostgreSQL carries it out, as the
application's role, among many rows of many projects."""

import itertools
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec
import pytest

import store.database
from control_plane.app import open_context
from control_plane.context import Context
from control_plane.settings import Settings
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy
from tests.control_plane.conftest import SECRET
from tests.control_plane.list_plans import Asked, Plan, Recorder, Scope, explain
from tests.servers.postgres import DatabaseUrls
from tools.dev.paths import ROOT

DOCUMENT: dict[str, Any] = msgspec.json.decode((ROOT / "docs" / "openapi.json").read_bytes())
SHORT = {"listSessions", "listMetadataSchemas"}
"""Lists that are never long: a person's own sessions, which no key may ask for; a schema for each kind of thing."""
LISTS: dict[str, tuple[str, list[dict[str, Any]], bool]] = {
    said["get"]["operationId"]: (
        path,
        [each for each in said["get"]["parameters"] if "name" in each],
        any(each.get("$ref", "").endswith("/Project") for each in said["get"]["parameters"]),
    )
    for path, said in DOCUMENT["paths"].items()
    if any(each.get("name") == "cursor" for each in said.get("get", {}).get("parameters", ()))
    and said["get"]["operationId"] not in SHORT
}
"""Of each list: its path, its parameters and whether it is a project's. Whatever takes a cursor is one."""


def _id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:026d}"


PATHS = {
    "listValidationRuleAssignments": {"rule_id": _id("rul", 0)},
    "listCampaignReceipts": {"campaign_id": _id("cmp", 0)},
    "listVoucherReceipts": {"reference": _id("vch", 0)},
    "listGiftCardTransactions": {"reference": _id("gft", 0)},
    "listPointsEntries": {"reference": _id("lcd", 0)},
    "listLoyaltyCards": {"program_id": _id("lty", 0)},
    "listReferralCodes": {"program_id": _id("ref", 0)},
    "listReferrals": {"program_id": _id("ref", 0)},
    "listSegmentCustomers": {"segment_id": "usual"},
    "listCollectionProducts": {"collection_id": "usual"},
}
"""What stands in a list's path, so that the list is a long one."""

VALUES: dict[str, tuple[str, ...]] = {
    "campaign_id": (_id("cmp", 0), _id("cmp", 1)),
    "customer_id": ("cust-1",),
    "voucher_id": (_id("vch", 0), _id("vch", 4)),
    "code": ("CODE-00000004",),
    "id": ("cust-1",),
    "subject": ("voucher", "rare"),
    "subject_id": ("vch_1",),
    "actor": ("key_usual", "key_rare"),
    "action": ("voucher.create", "campaign.rare"),
    "project_id": ("prj_many1",),
    "category": ("usual", "rare"),
    "collection": ("usual", "rare"),
    "product_id": ("usual", "rare"),
    "redeemable_id": (_id("vch", 4),),
    "distribution_id": (_id("dis", 1),),
    "email": ("1@example.com",),
    "segment": ("usual", "rare"),
}
"""What lists are narrowed by: what many rows have, and what few have."""

SEARCHES = {
    "listCampaigns": "campaign 1",
    "listCollections": "collection-1",
    "listCustomers": "cust-1",
    "listGiftCards": "gift-0000",
    "listLoyaltyCards": "loyal-0000",
    "listLoyaltyPrograms": "campaign 1",
    "listOrders": "order-1",
    "listProducts": "product-1",
    "listPromotionTiers": "tier 1",
    "listReferralCodes": "refer-0000",
    "listReferralPrograms": "campaign 1",
    "listSegments": "segment-1",
    "listSkus": "sku-1",
    "listValidationRules": "rule 1",
    "listVouchers": "code-0000",
}
"""What many rows of a list begin with."""

OF_CAMPAIGNS = {"listCampaigns", "listLoyaltyPrograms", "listReferralPrograms"}


def is_walked(operation: str, filters: dict[str, str]) -> bool:
    """What no index can answer, and may walk all that another filter leaves: a status that follows from the clock, of
    campaigns, of which people make some thousand at most; a time beside a search, which walks what begins so."""
    return (operation in OF_CAMPAIGNS and "status" in filters) or ("search" in filters and "created_before" in filters)


ROWS = int(os.environ.get("VAUCHFLOW_LIST_ROWS", "20000"))
"""Of the largest tables, as many as one has the patience for: what is rare stays a few hundred up to a million."""
PAGE = 20
MOST_VISITED = 600
"""Rows that a scan may look at for a page of 20: some of what is rare, never the half of a project or a campaign."""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Hears every statement of connections that are opened from now on."""
    recorder, prepare = Recorder(), store.database._prepare

    async def prepared(connection: Any) -> None:
        await prepare(connection)
        connection.add_query_logger(recorder)

    monkeypatch.setattr(store.database, "_prepare", prepared)
    return recorder


@pytest.fixture
async def context(
    recorder: Recorder,
    database: DatabaseUrls,
    redis_url: str,
    scripts: Scripts,
) -> AsyncIterator[Context]:
    async with open_context(Settings(database.app, redis_url, SECRET)) as opened:
        yield opened


async def fill(owner: Any, tenancy: Tenancy, rows: int) -> None:
    """Make the rows, and let PostgreSQL count them as autovacuum would."""
    sql = (Path(__file__).parent / "many_rows.sql").read_text()
    made = {"{account}": tenancy.made.account_id, "{project}": tenancy.project_id, "{rows}": str(rows)}
    for name, value in made.items():
        sql = sql.replace(name, value)
    await owner.execute(sql)
    await owner.execute("VACUUM ANALYZE")


def asked_of(operation: str, parameters: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Every combination of a list's filters."""
    filters = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
    names = [name for name in filters if name not in ("limit", "cursor", "personal")]
    for values in itertools.product(*((None, *_values(operation, name, filters[name])) for name in names)):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _values(operation: str, name: str, schema: dict[str, Any]) -> tuple[str, ...]:
    if "enum" in schema:
        return tuple(schema["enum"])
    if schema.get("format") == "date-time":
        return ((datetime.now(UTC) - timedelta(seconds=ROWS // 2)).isoformat(),)
    if name == "search":
        return (SEARCHES[operation],)
    assert name in VALUES, f"say in VALUES what a list may be narrowed by as {name!r}: what many have and what few have"
    return VALUES[name]


def deep(cursor: str, rows: int) -> str:
    """The cursor of a page in the middle of the list, where it is one by time; else the same cursor."""
    last = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if len(last) != 2:
        return cursor
    middle_us = last[0] - rows // 2 * 1_000_000
    return urlsafe_b64encode(msgspec.json.encode([middle_us, last[1]])).decode().rstrip("=")


class Walk:
    """Asks for lists and judges the plans of what they read."""

    def __init__(self, context: Context, tenancy: Tenancy, recorder: Recorder, rows: int) -> None:
        self._context, self._tenancy, self._recorder, self._rows = context, tenancy, recorder, rows
        self._seen: set[Asked] = set()
        self.complaints: list[str] = []

    async def walk(self, operation: str) -> None:
        path, parameters, is_projects = LISTS[operation]
        api = self._tenancy.secret if is_projects else self._tenancy.admin
        at = path.format(**PATHS.get(operation, {})) if "{" in path else path
        for filters in asked_of(operation, parameters):
            first = await self._ask(api, operation, at, filters, is_projects)
            if not filters and first is None:
                self.complaints.append(f"{operation}: has no second page; fill its table in many_rows.sql")
            if first is not None:
                await self._ask(api, operation, at, {**filters, "cursor": deep(first, self._rows)}, is_projects)

    async def _ask(
        self, api: Client, operation: str, path: str, filters: dict[str, str], is_projects: bool
    ) -> str | None:
        with self._recorder.on() as asked:
            answer = await api.get(f"{path}?{urlencode({**filters, 'limit': str(PAGE)})}")
        if answer.status_code != 200:
            self.complaints.append(f"{operation} {filters}: {answer.text}")
            return None
        made = self._tenancy.made
        scope: Scope = ("tenant", made.project_id, made.account_id) if is_projects else ("account", made.account_id)
        for each in asked:
            if each not in self._seen:
                self._seen.add(each)
                try:
                    plan = await explain(self._context.database, scope, each)
                    self._judge(f"{operation} {filters}", each, plan, is_walked(operation, filters))
                except asyncpg.QueryCanceledError:
                    self.complaints.append(f"{operation} {filters}: took seconds")
        body: dict[str, Any] = answer.json()
        cursor: str | None = body["next_cursor"]
        return cursor

    def _judge(self, what: str, asked: Asked, plan: Plan, walks: bool) -> None:
        found = []
        if plan.scanned_whole:
            found.append(f"reads all of {', '.join(plan.scanned_whole)}")
        if plan.sorted > MOST_VISITED and not walks:
            found.append(f"sorts {plan.sorted} rows")
        if plan.visited > MOST_VISITED and not walks:
            found.append(f"looks at {plan.visited} rows")
        if plan.buffers > MOST_VISITED * 5 and not walks:
            found.append(f"touches {plan.buffers} pages")
        if found:
            self.complaints.append(f"{what}: {'; '.join(found)} ({asked.sql[:40]!r})")


@pytest.mark.slow
async def test_every_list_walks_an_index(owner: Any, context: Context, tenancy: Tenancy, recorder: Recorder) -> None:
    await fill(owner, tenancy, ROWS)
    async with context.database.tenant_tx(tenancy.project_id) as tx:
        assert await tx.fetchval("SHOW plan_cache_mode") == "force_custom_plan"
    walk = Walk(context, tenancy, recorder, ROWS)
    for operation in LISTS:
        await walk.walk(operation)
    assert not walk.complaints, "\n".join(walk.complaints)
