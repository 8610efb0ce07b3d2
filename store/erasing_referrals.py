"""Takes a person out of who referred whom. What was given for it stays, and is nobody's.

The stored events of others never said who had referred them. Must only run as the owner, within store/erasing.py.
"""

from store.database import Transaction
from store.queries import query

_FORGET = [
    query("forget_referee_identities"),
    query("forget_rewarded"),
    query("forget_referrals"),
    query("forget_referrer_identities"),
    query("forget_owner_of_referral_codes"),
]


async def erase_referrals(tx: Transaction, project_id: str, customer_id: str) -> None:
    """Forget the customer as one who has referred, and as one who was referred."""
    for statement in _FORGET:
        await tx.execute(statement, project_id, customer_id)
