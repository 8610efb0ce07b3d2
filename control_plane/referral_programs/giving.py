"""Rewards as what they are: a voucher of a campaign, a gift card, points on a loyalty card; given, and taken back.

All in the caller's transaction, which puts what has changed in force afterwards. Must never take more back than is
there: the ledger's functions say how much that is.
"""

from collections.abc import Awaitable
from typing import NamedTuple

import msgspec

from control_plane.campaigns.storing import load_campaign_of
from control_plane.clock import new_id, now_ms
from control_plane.codes import insert_coded
from control_plane.effects import Change
from control_plane.loyalty_cards import posting
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.programs import join_program
from domain.definitions import balance_counter
from domain.loyalty import lot_of, loyalty_program
from domain.referrals import Reward
from domain.rules import Limit, Rules, VoucherRow, voucher_limits
from store.database import Transaction
from store.definitions import stage_change, voucher_from
from store.queries import query

ACTOR = "referrals"

_INSERT_VOUCHER = query("control_insert_voucher")
_VOUCHER = query("voucher_row")
_DISABLE = query("control_disable_voucher")
_GIVE_CARD = query("control_give_gift_card")
_TAKE_CARD = query("control_take_gift_back")
_BLOCK_CARD = query("control_block_emptied_card")


class Order(msgspec.Struct, frozen=True):
    """One reward that is to be given or taken back. `cause` names the referral and the side."""

    project_id: str
    shard: int
    currency: str
    customer_id: str | None
    reward: Reward
    cause: str


class Given(NamedTuple):
    """The id of what was given, how much it was (minor units, points, or one voucher), and the lot of points."""

    reference: str
    amount: int
    lot_ms: int | None = None
    changes: tuple[Change, ...] = ()


class Taken(NamedTuple):
    """How much could be taken back."""

    amount: int
    changes: tuple[Change, ...] = ()


async def give(tx: Transaction, order: Order) -> Given:
    """Give the reward; Refused where that cannot be."""
    if order.reward.type == "voucher":
        return await _give_voucher(tx, order)
    if order.reward.type == "gift_card":
        return await _give_card(tx, order)
    return await _give_points(tx, order)


async def take_back(tx: Transaction, order: Order, given: Given) -> Taken:
    """Take back what of it is there."""
    if order.reward.type == "voucher":
        return await _take_voucher(tx, order, given)
    if order.reward.type == "gift_card":
        return await _take_card(tx, order, given)
    return await _take_points(tx, order, given)


async def _give_voucher(tx: Transaction, order: Order) -> Given:
    """One code of the campaign, for one use where the campaign says nothing of that."""
    voucher_id = new_id("vch")
    campaign = await load_campaign_of(tx, order.project_id, order.reward.campaign_id or "", "DISCOUNT")
    rules = Rules(max_redemptions=1 if campaign.rules.max_redemptions_per_code is None else None)

    def insert(code: str) -> Awaitable[object]:
        row = (voucher_id, campaign.id, code, rules, "{}", 0, order.customer_id)
        return tx.fetchval(_INSERT_VOUCHER, order.project_id, *row)

    await insert_coded(None, insert)
    row = VoucherRow(voucher_id, order.project_id, "", campaign.id, 1, "active", rules, 0)
    await _stage_voucher(tx, order, row)
    return Given(voucher_id, 1, None, (Change("voucher", voucher_id, created=True),))


async def _take_voucher(tx: Transaction, order: Order, given: Given) -> Taken:
    """Disabled. Whether it was used, and is owed, is asked of the ledger when it is shown: it may be on its way now."""
    version = await tx.fetchval(_DISABLE, order.project_id, given.reference)
    if version is None:  # somebody was faster
        return Taken(given.amount)
    await _stage_voucher(tx, order, voucher_from(await tx.fetchrow(_VOUCHER, order.project_id, given.reference)))
    return Taken(given.amount, (Change("voucher", given.reference),))


async def _stage_voucher(tx: Transaction, order: Order, row: VoucherRow) -> None:
    # As rules/staging.py says: the template of a limit per customer that was never set stays out of the ledger.
    limits = [one for one in voucher_limits(row) if one.kind != "customer_family" or one.value is not None]
    await stage_change(tx, order.shard, order.project_id, "voucher", row.id, row.version, limits)


async def _give_card(tx: Transaction, order: Order) -> Given:
    card_id, amount_minor = new_id("gft"), order.reward.amount_minor

    def insert(code: str) -> Awaitable[object]:
        row = (order.currency, amount_minor, card_id, code, order.customer_id, order.cause, ACTOR)
        return tx.fetchval(_GIVE_CARD, order.project_id, *row)

    await insert_coded(None, insert)
    await _stage_card(tx, order, card_id, 1, amount_minor)
    return Given(card_id, amount_minor, None, (Change("gift_card", card_id, created=True),))


async def _take_card(tx: Transaction, order: Order, given: Given) -> Taken:
    """What is left of it, and the card is blocked, unless the customer has put money of his own on it."""
    row = await tx.fetchrow(_TAKE_CARD, order.project_id, given.reference, given.amount, order.cause, ACTOR)
    if row is None:
        return Taken(0)
    version = row["version"]
    if not row["balance_minor"]:
        version = await tx.fetchval(_BLOCK_CARD, order.project_id, given.reference) or version
    await _stage_card(tx, order, given.reference, version, row["funded_minor"])
    return Taken(row["taken_minor"], (Change("gift_card", given.reference),))


async def _stage_card(tx: Transaction, order: Order, card_id: str, version: int, funded_minor: int) -> None:
    limit = Limit(balance_counter(card_id), "balance", funded_minor)
    await stage_change(tx, order.shard, order.project_id, "gift_card", card_id, version, (limit,))


async def _give_points(tx: Transaction, order: Order) -> Given:
    """On the customer's card in the program, which is made where there is none."""
    reward, customer_id = order.reward, order.customer_id
    assert customer_id is not None, "an erased customer is given nothing"
    program = await join_program(tx, order.project_id, LOYALTY, reward.program_id or "")
    card_id, made = await posting.ensure_card(tx, order.shard, order.project_id, program.id, customer_id)
    landing = lot_of(loyalty_program(program.program), now_ms())
    cause = posting.Cause(source=order.cause, actor=ACTOR)
    added = await posting.add_points(tx, order.project_id, card_id, landing, reward.points, cause)
    await posting.stage_card(tx, order.shard, order.project_id, card_id, added.version)
    return Given(card_id, reward.points, landing.expires_ms, (Change("loyalty_card", card_id, created=made),))


async def _take_points(tx: Transaction, order: Order, given: Given) -> Taken:
    """What is left of them; the rest is paid by what the card earns next."""
    cause = posting.Cause(source=order.cause, actor=ACTOR)
    lot = given.amount, given.lot_ms
    taken = await posting.take_back_points(tx, order.project_id, given.reference, *lot, cause)
    await posting.stage_card(tx, order.shard, order.project_id, given.reference, taken.version)
    return Taken(taken.taken, (Change("loyalty_card", given.reference),))
