"""Takes a person out of the ledger for good, and leaves the chains of receipts whole.

The salts go, so that the commitments in the links can be opened by nobody; the rows lose everything that names the
customer, and reservations that are over go with them. Must only run as the owner: no role of a server may change a
row of the ledger in this way.
"""

import json
from typing import Any

import msgspec

from domain.events import OrderPart, Redeemed, Reserved, RolledBack, decode, encode
from domain.receipts import names_customer
from store.database import Transaction
from store.erasing_referrals import erase_referrals
from store.ledger_rows import columns
from store.queries import query

_LOCK = query("lock_redemptions_of_customer")
_BLANK = query("blank_redemptions")
_BLANK_LINES = query("blank_redemption_lines")
_LOCK_ROLLBACKS = query("lock_rollbacks")
_BLANK_ROLLBACKS = query("blank_rollbacks")
_MAY_NAME = query("reservations_that_may_name")
_DROP_RESERVATIONS = query("erase_reservations")
_DROP_HOLDS = query("erase_holds")
_DROP_SALTS = query("drop_salts")
_OWNED = ("events", "orders", "gift_cards", "loyalty_cards", "vouchers")
_FORGET_OWNER = [query(f"forget_owner_of_{what}") for what in _OWNED]
_DROP_COUNTERS = query("drop_counters_of_customer")
_DROP_CUSTOMER = query("drop_customer")
_DROP_CHANGES = query("drop_changes_of_customer")
_BLANK_AUDIT = query("blank_audit_of_customer")


async def erase_customer(tx: Transaction, project_id: str, customer_id: str) -> int:
    """How many redemptions have forgotten whose they were."""
    rows = await tx.fetch(_LOCK, project_id, customer_id)
    counters: set[str] = set()
    blank: list[tuple[str, bytes]] = []
    for row in rows:
        event = decode(row["body"])
        assert isinstance(event, Redeemed)
        counters |= {move[0] for line in event.lines for move in line.moves if names_customer(move[0])}
        blank.append((row["id"], encode(_blanked(event))))
    ids = [redemption_id for redemption_id, _ in blank]
    await tx.execute(_BLANK, project_id, *columns(blank, 2))
    await tx.execute(_BLANK_LINES, project_id, ids)
    await _blank_rollbacks(tx, project_id, ids)
    await _drop_reservations(tx, project_id, customer_id)
    await erase_referrals(tx, project_id, customer_id)
    await tx.execute(_DROP_SALTS, project_id, ids)
    for statement in _FORGET_OWNER:  # cards before counters, as everywhere
        await tx.execute(statement, project_id, customer_id)
    await tx.execute(_DROP_COUNTERS, project_id, sorted(counters))
    for statement in (_DROP_CUSTOMER, _DROP_CHANGES, _BLANK_AUDIT):
        await tx.execute(statement, project_id, customer_id)
    return len(rows)


def _blanked(event: Redeemed) -> Redeemed:
    """The event without the person: what the answer of an erased redemption is rebuilt from."""
    lines = tuple(
        msgspec.structs.replace(line, moves=tuple(move for move in line.moves if not names_customer(move[0])))
        for line in event.lines
    )
    order = event.order
    if order is not None:  # what was bought stays: returns are decided from it
        order = OrderPart(items=order.items, shipping_minor=order.shipping_minor)
    return msgspec.structs.replace(
        event,
        customer_id=None,
        idempotency_key=None,
        fingerprint=b"",
        lines=lines,
        order=order,
        hold=None,
        referral=None,
    )


async def _blank_rollbacks(tx: Transaction, project_id: str, ids: list[str]) -> None:
    blank: list[tuple[str, int, bytes]] = []
    for row in await tx.fetch(_LOCK_ROLLBACKS, project_id, ids):
        event = decode(row["body"])
        assert isinstance(event, RolledBack)
        moves = None if event.moves is None else tuple(move for move in event.moves if not names_customer(move[0]))
        event = msgspec.structs.replace(event, idempotency_key=None, fingerprint=b"", moves=moves)
        blank.append((row["redemption_id"], row["revision"], encode(event)))
    await tx.execute(_BLANK_ROLLBACKS, project_id, *columns(blank, 3))


async def _drop_reservations(tx: Transaction, project_id: str, customer_id: str) -> None:
    spelled = json.dumps(customer_id)[1:-1].encode()
    rows = await tx.fetch(_MAY_NAME, project_id, customer_id.encode(), spelled)
    ids = [row["id"] for row in rows if _is_for(decode(row["body"]), customer_id)]
    for statement in (_DROP_HOLDS, _DROP_RESERVATIONS):
        await tx.execute(statement, project_id, ids)


def _is_for(event: Any, customer_id: str) -> bool:
    """Whether a reservation's request names the customer, in the long or the short form."""
    assert isinstance(event, Reserved)
    request = msgspec.json.decode(event.request)
    customer = request.get("customer") or {}
    return customer_id in (customer.get("id"), request.get("customer_id"))
