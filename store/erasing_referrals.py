"""Takes a person out of who referred whom. What was given for it stays, and is nobody's; links of others that said who
had referred them can be opened by nobody afterwards, and their chains stay whole.

Must only run as the owner, within store/erasing.py.
"""

import msgspec

from domain.events import Redeemed, decode, encode
from store.database import Transaction
from store.ledger_rows import columns
from store.queries import query

_LOCK = query("lock_redemptions_by_referrer")
_BLANK = query("blank_referrers")
_DROP_SALTS = query("drop_salts")
_FORGET = [
    query("forget_referee_identities"),
    query("forget_rewarded"),
    query("forget_referrals"),
    query("forget_referrer_identities"),
    query("forget_owner_of_referral_codes"),
]


async def erase_referrals(tx: Transaction, project_id: str, customer_id: str) -> None:
    """Forget the customer as one who has referred, and as one who was referred."""
    blank: list[tuple[str, bytes]] = []
    for row in await tx.fetch(_LOCK, project_id, customer_id):
        event = decode(row["body"])
        assert isinstance(event, Redeemed)
        blank.append((row["id"], encode(msgspec.structs.replace(event, referral=None))))
    if blank:
        await tx.execute(_BLANK, project_id, *columns(blank, 2))
        await tx.execute(_DROP_SALTS, project_id, [redemption_id for redemption_id, _ in blank])
    for statement in _FORGET:
        await tx.execute(statement, project_id, customer_id)
