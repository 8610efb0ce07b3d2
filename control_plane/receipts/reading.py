"""Reads a chain: its receipts beside the ledger's rows that they are of, page by page.

Must never mend or hide what it finds: a row that was tampered with is exported as it stands, for the verifier to name.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from control_plane.receipts.schemas import ReceiptPage
from domain.proofs import Entry
from domain.receipts import Grant, GrantLine, Personal, Rollback, split_moves
from store.database import Transaction
from store.queries import query

MOST_RECEIPTS = 1000

_PAGE = query("control_receipts")
_UNLINKED = query("control_unlinked_redemptions")
_GRANT = [field for field in Grant.__struct_fields__ if field != "lines"]


async def read_page(
    tx: Transaction, project_id: str, chain_id: str, after: int, limit: int, personal: bool
) -> ReceiptPage:
    """The receipts behind one of them; with the last of them, what no receipt tells of."""
    rows = await tx.fetch(_PAGE, project_id, chain_id, after, limit + 1)
    entries = [_entry(row, personal) for row in rows[:limit]]
    if len(rows) > limit:
        return ReceiptPage(entries, encode_cursor(rows[limit - 1]["seq"]))
    unlinked = await tx.fetch(_UNLINKED, project_id, chain_id, MOST_RECEIPTS)
    return ReceiptPage([*entries, *(Entry("unlinked", None, row["redemption_id"]) for row in unlinked)], None)


def encode_cursor(seq: int) -> str:
    """Where a page ended."""
    return urlsafe_b64encode(msgspec.json.encode([seq])).decode().rstrip("=")


def decode_cursor(text: str) -> int | None:
    """Where the page before ended; None if that is no cursor."""
    try:
        (seq,) = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[int])
    except (ValueError, msgspec.DecodeError):
        return None
    return seq if 0 <= seq < 2**53 else None


def _entry(row: Any, personal: bool) -> Entry:
    is_grant = row["kind"] == "redeemed"
    has_row = row["time_us" if is_grant else "rolled_back_us"] is not None
    effect: Grant | Rollback | None = None
    if has_row:
        effect = _grant(row) if is_grant else _rollback(row)
    return Entry(
        kind=row["kind"],
        seq=row["seq"],
        redemption_id=row["redemption_id"],
        link=row["link"].hex(),
        status=row["status"],
        commitment=_hex(row["commitment"]),
        salt=_hex(row["salt"]) if personal else None,
        effect=effect,
        personal=_personal(row) if is_grant and has_row and personal else None,
    )


def _grant(row: Any) -> Grant:
    # line: number, object, redeemable, campaign, code, discount, time, moves
    lines = [GrantLine(*[*line[:-1], split_moves(line[-1])[0]]) for line in row["lines"]]
    return Grant(**{name: row[name] for name in _GRANT}, lines=lines)


def _rollback(row: Any) -> Rollback:
    return Rollback(
        row["rolled_back_us"],
        row["rollback_epoch"],
        row["rollback_entry_ms"],
        row["rollback_entry_seq"],
        row["rollback_entry_index"],
    )


def _personal(row: Any) -> Personal:
    hidden = [(line[0], move) for line in row["lines"] for move in split_moves(line[-1])[1]]
    return Personal(
        row["customer_id"],
        row["idempotency_key"],
        row["fingerprint"].hex(),
        row["body_sha256"].hex(),
        [[number, *move] for number, move in hidden],
    )


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
