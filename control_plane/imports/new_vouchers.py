"""Vouchers made of a file's rows, many in one statement. Each is read as POST /v1/vouchers reads its body.

Must never make one whose code is taken: neither by something else of the project nor by an earlier row.
"""

from typing import Any

import msgspec

from control_plane.bodies import fill
from control_plane.campaigns.storing import StoredCampaign, load_campaign_of
from control_plane.clock import new_id
from control_plane.imports.records import Record, breathe
from control_plane.in_force import open_epoch
from control_plane.jobs.kinds import Failure, Run, Step, reason_of
from control_plane.metadata_schemas.holding import hold
from control_plane.vouchers.creating import NewVoucher, read_voucher
from control_plane.vouchers.schemas import VoucherCreate
from domain.ids import is_id
from domain.problems import FieldError, Refused
from domain.rules import VoucherRow, voucher_limits
from store.database import Transaction
from store.queries import query

_KNOWN_RULES = query("control_known_validation_rules")
_TAKEN = query("control_taken_codes")
_INSERT = query("control_import_vouchers")
_RAISE_CEILINGS = query("raise_ceilings")


class _Wish(msgspec.Struct):
    record: Record
    code: str
    wanted: NewVoucher


async def create_vouchers(tx: Transaction, run: Run, records: list[Record]) -> Step:
    """Make a voucher of each row that holds one."""
    step = Step(failures=[])
    wishes: list[_Wish] = []
    for place, record in enumerate(records):
        await breathe(place)
        try:
            wishes.append(_read(run, record))
        except Refused as refused:
            _fail(step, record, refused)
    wishes = _without_doubles(step, wishes)
    wishes = await _with_what_they_name(tx, run, step, wishes)
    wishes = await _with_sound_metadata(tx, run, step, wishes)
    taken = {row["code"] for row in await tx.fetch(_TAKEN, run.action.project_id, [wish.code for wish in wishes])}
    for wish in wishes:
        if wish.code in taken:
            _fail(step, wish.record, Refused("code_taken"))
    free = [wish for wish in wishes if wish.code not in taken]
    if free and not run.params.get("is_dry"):
        await _insert(tx, run, free)
    step.done = len(free)
    step.failures.sort(key=lambda failure: failure.row)
    return step


def _read(run: Run, record: Record) -> _Wish:
    if record.refused is not None:
        raise record.refused
    call = run.call()
    if "code" not in record.given:
        call.errors.add("/code", "is required")
    wanted = read_voucher(call, fill(record.given, VoucherCreate, "", call.errors))
    call.errors.raise_if_any()
    assert wanted.code is not None
    return _Wish(record, wanted.code, wanted)


def _without_doubles(step: Step, wishes: list[_Wish]) -> list[_Wish]:
    first: dict[str, _Wish] = {}
    for wish in wishes:
        if first.setdefault(wish.code, wish) is not wish:
            _fail(step, wish.record, Refused("code_taken", f"It is in row {first[wish.code].record.row} already."))
    return list(first.values())


async def _with_what_they_name(tx: Transaction, run: Run, step: Step, wishes: list[_Wish]) -> list[_Wish]:
    """Those whose campaign and rules there are; what is named by many rows is looked up once."""
    project_id = run.action.project_id
    campaigns: dict[str, StoredCampaign | Refused] = {}
    for id_ in sorted({wish.wanted.campaign_id for wish in wishes if wish.wanted.campaign_id}):
        try:
            campaigns[id_] = await load_campaign_of(tx, project_id, id_, "DISCOUNT")
        except Refused as refused:
            campaigns[id_] = refused
    named = {id_ for wish in wishes for id_ in wish.wanted.rules.validation_rules if is_id("rul", id_)}
    known = {row["id"] for row in await tx.fetch(_KNOWN_RULES, project_id, list(named))} if named else set()
    kept = []
    for wish in wishes:
        fault = _fault(wish.wanted, campaigns, known)
        if fault is None:
            kept.append(wish)
        else:
            _fail(step, wish.record, fault)
    return kept


async def _with_sound_metadata(tx: Transaction, run: Run, step: Step, wishes: list[_Wish]) -> list[_Wish]:
    """Those whose metadata are as the project's schema says."""
    kept = []
    for wish in wishes:
        try:
            await hold(tx, run.call(), "voucher", wish.wanted.metadata)
        except Refused as refused:
            _fail(step, wish.record, refused)
        else:
            kept.append(wish)
    return kept


def _fault(wanted: NewVoucher, campaigns: dict[str, StoredCampaign | Refused], known: set[str]) -> Refused | None:
    campaign = None if wanted.campaign_id is None else campaigns[wanted.campaign_id]
    if isinstance(campaign, Refused):
        return campaign
    if wanted.rules.discount is None and (campaign is None or campaign.rules.discount is None):
        return _invalid("/discount_value", "is required where no campaign has a discount")
    for place, id_ in enumerate(wanted.rules.validation_rules):
        if id_ not in known:
            return _invalid(f"/validation_rules/{place}", "there is no such validation rule")
    return None


def _invalid(pointer: str, detail: str) -> Refused:
    return Refused("invalid_request", errors=(FieldError(detail, pointer=pointer),))


def _fail(step: Step, record: Record, refused: Refused) -> None:
    step.failures.append(Failure(record.row, record.name("code"), reason_of(refused)))


async def _insert(tx: Transaction, run: Run, wishes: list[_Wish]) -> None:
    project_id = run.action.project_id
    epoch = 0
    if any(wish.wanted.rules.max_redemptions_per_customer is not None for wish in wishes):
        epoch = await open_epoch(run.context, run.action.shard)
    rows: list[VoucherRow] = []
    for wish in wishes:
        rules = wish.wanted.rules
        since = 0 if rules.max_redemptions_per_customer is None else epoch
        of = (project_id, wish.code, wish.wanted.campaign_id)
        rows.append(VoucherRow(new_id("vch"), *of, 1, "active", rules, since))
    columns: list[list[Any]] = [
        [row.id for row in rows],
        [row.campaign_id for row in rows],
        [row.code for row in rows],
        [msgspec.json.encode(row.rules).decode() for row in rows],
        [wish.wanted.metadata for wish in wishes],
        [row.counts_customers_since for row in rows],
        [wish.wanted.customer_id for wish in wishes],
    ]
    await tx.execute(_INSERT, project_id, *columns)
    limits = [
        limit
        for row in rows
        for limit in voucher_limits(row)
        if limit.kind != "customer_family" or limit.value is not None
    ]
    if limits:
        ids, kinds, values = zip(*((limit.counter, limit.kind, limit.value) for limit in limits), strict=True)
        await tx.execute(_RAISE_CEILINGS, project_id, ids, kinds, values, 1)
