"""How often somebody may try: by the address that is tried, and by the client that tries; counted in PostgreSQL, so
that it holds for all processes and outlasts each. Must never keep an address or a client in clear."""

import hmac

from control_plane.context import Context
from domain.problems import Refused
from store.queries import query

WINDOW_S = 15 * 60
MOST_BY_ADDRESS = 20

_COUNT = query("control_count_attempt")
_FORGET = query("control_forget_attempts")


async def count(context: Context, kind: str, email: str, client: str) -> None:
    """Count an attempt of this kind; Refused where there were too many, before anything is looked up."""
    keys = [(_key(context, "client", client), context.people.client_attempts)]
    if email:
        keys.append((_key(context, kind, email), MOST_BY_ADDRESS))
    async with context.database.anonymous_tx() as tx:
        counted = [(await tx.fetchval(_COUNT, key, WINDOW_S), most) for key, most in sorted(keys)]
    if any(attempts > most for attempts, most in counted):
        raise Refused("rate_limited", "Too many attempts: wait for some minutes.")


async def tally(context: Context, kind: str, what: str, window_s: int) -> int:
    """How often this has been tried since the window began, this time included."""
    async with context.database.anonymous_tx() as tx:
        return int(await tx.fetchval(_COUNT, _key(context, kind, what), window_s))


async def forget(context: Context, kind: str, email: str) -> None:
    """The address's owner has come in."""
    async with context.database.anonymous_tx() as tx:
        await tx.execute(_FORGET, _key(context, kind, email))


def _key(context: Context, kind: str, what: str) -> bytes:
    return hmac.digest(context.secret, f"vauchflow attempts {kind} {what}".encode(), "sha256")
