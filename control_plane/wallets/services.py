"""A customer's wallet, from PostgreSQL: bounded, whatever the customer has. Must never change anything."""

from collections.abc import Iterator, Sequence
from typing import Any

from litestar import Response

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.gift_cards.storing import card_from_row, show_card
from control_plane.loyalty_cards import storing as loyalty
from control_plane.referral_programs.coding import code_from_row, show_code
from control_plane.rules.times import show_ms
from control_plane.shop_ids import is_shop_id
from control_plane.vouchers.storing import show_voucher, voucher_from_row
from control_plane.wallets.schemas import ExpiringView, WalletView
from domain.money import to_major
from domain.problems import Refused
from store.queries import query

MOST_OF_EACH = 100
DEFAULT_DAYS = 30
MOST_DAYS = 3_650
_DAY_MS = 86_400_000

_VOUCHERS = query("control_wallet_vouchers")
_GIFT_CARDS = query("control_wallet_gift_cards")
_LOYALTY_CARDS = query("control_loyalty_cards_of_customer")
_REFERRAL_CODES = query("control_wallet_referral_codes")

Ending = tuple[int, ExpiringView]
"""When something ends, in Unix milliseconds, and what is said of it."""


async def get_wallet(call: Call, customer_id: str) -> Response[bytes]:
    """GET /v1/customers/{id}/wallet: empty for a customer who has nothing, known or not."""
    asked = call.query()
    days = asked.number("expiring_days", DEFAULT_DAYS, MOST_DAYS)
    asked.done()
    if not is_shop_id(customer_id):
        raise Refused("customer_not_found")
    project_id, time_ms, rows = call.tenant.project_id, now_ms(), MOST_OF_EACH + 1
    async with call.open_tx() as tx:
        vouchers = await tx.fetch(_VOUCHERS, project_id, customer_id, time_ms, rows)
        gifts = await tx.fetch(_GIFT_CARDS, project_id, customer_id, time_ms, rows)
        cards = await tx.fetch(_LOYALTY_CARDS, project_id, None, None, None, rows, None, None, customer_id)
        referral_codes = await tx.fetch(_REFERRAL_CODES, project_id, customer_id, time_ms, rows)
    lists = {"vouchers": vouchers, "gift_cards": gifts, "loyalty_cards": cards, "referral_codes": referral_codes}
    has_more = [name for name, found in lists.items() if len(found) > MOST_OF_EACH]
    vouchers, gifts, cards, referral_codes = (found[:MOST_OF_EACH] for found in lists.values())
    points = [loyalty.card_from_row(row) for row in cards]
    ending = [*_vouchers_ending(vouchers), *_gifts_ending(gifts, call.tenant), *_points_ending(points, time_ms)]
    soon = sorted((one for one in ending if one[0] <= time_ms + days * _DAY_MS), key=lambda one: (one[0], one[1].id))
    wallet = WalletView(
        object="wallet",
        customer_id=customer_id,
        vouchers=[show_voucher(voucher_from_row(row), call.tenant) for row in vouchers],
        gift_cards=[show_card(card_from_row(row), call.tenant) for row in gifts],
        loyalty_cards=[loyalty.show_card(card, time_ms) for card in points],
        referral_codes=[show_code(code_from_row(row)) for row in referral_codes],
        expiring_soon=[view for _, view in soon[:MOST_OF_EACH]],
        has_more=has_more,
    )
    return answer(200, wallet)


def _vouchers_ending(rows: Sequence[Any]) -> Iterator[Ending]:
    for row in rows:
        if row["ends_ms"] is not None:
            expires_at = show_ms(row["ends_ms"]) or ""
            yield row["ends_ms"], ExpiringView(object="voucher", id=row["id"], code=row["code"], expires_at=expires_at)


def _gifts_ending(rows: Sequence[Any], tenant: Tenant) -> Iterator[Ending]:
    for row in rows:
        if row["ends_ms"] is not None and row["balance_minor"] and row["status"] != "blocked":
            yield (
                row["ends_ms"],
                ExpiringView(
                    object="gift_card",
                    id=row["id"],
                    code=row["code"],
                    amount=to_major(row["balance_minor"], tenant.decimals),
                    expires_at=show_ms(row["ends_ms"]) or "",
                ),
            )


def _points_ending(cards: Sequence[loyalty.StoredCard], time_ms: int) -> Iterator[Ending]:
    for card in cards:
        if card.status == "blocked":
            continue
        for ends_ms, points in card.standing(time_ms).expiring:
            expires_at = show_ms(ends_ms) or ""
            yield (
                ends_ms,
                ExpiringView(object="loyalty_card", id=card.id, code=card.code, points=points, expires_at=expires_at),
            )
