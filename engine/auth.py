"""Who asks: API keys by checksum, then a bounded cache, then PostgreSQL.

A revoked key is refused within two seconds: a cached principal is believed for one, then looked up again. Only while
PostgreSQL is away, where nobody can revoke, is it believed for thirty. Must never keep or log a key in clear.
"""

import time
from collections.abc import Callable, Mapping

import msgspec

from domain.problems import Refused
from store.credentials import Principal, find_principal, hash_key, parse_key
from store.database import UNAVAILABLE, Database

from .batching import Batcher
from .metrics import Metrics

BELIEVED_S = 1.0
BELIEVED_WITHOUT_STORE_S = 30.0
MAX_KEYS = 10_000


class Tenant(msgspec.Struct, frozen=True):
    """The project that a key speaks for, with all that a request needs to know of it. `scopes`: the rights that
    the key is confined to; None: all that its type has."""

    key_id: str
    publishable: bool
    account_id: str
    project_id: str
    shard: int
    currency: str
    decimals: int
    plan: str
    scopes: frozenset[str] | None = None


class Keys:
    """The principals that this worker knows, by the hash of their key."""

    def __init__(
        self, database: Database, secret: bytes, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._secret = secret
        self._metrics = metrics
        self._clock = clock
        self._known: dict[bytes, tuple[Tenant | str | None, float]] = {}
        self._lookups: Batcher[bytes, Tenant | str | None] = Batcher(self._fetch)

    async def tenant(self, authorization: str | None) -> Tenant:
        """Whose key this is; Refused `invalid_api_key` where it is nobody's, `secret_key_required` where it has no
        project."""
        if authorization is None or authorization[:7].lower() != "bearer ":
            raise Refused("invalid_api_key", "send Authorization: Bearer vf_sk_...")
        token = authorization[7:]
        digest = hash_key(self._secret, token)
        known = self._known.get(digest)
        if known is not None and self._clock() - known[1] <= BELIEVED_S:
            return _believed(known[0])
        if parse_key(token) is None:
            raise Refused("invalid_api_key", "the key is not spelled like one")
        found, read_at = known or (None, float("-inf"))
        return _believed(await self._look_up(digest, found, read_at))

    async def _look_up(self, digest: bytes, stale: Tenant | str | None, read_at: float) -> Tenant | str | None:
        try:
            return await self._lookups.get(digest)
        except UNAVAILABLE as error:
            if stale is not None and self._clock() - read_at < BELIEVED_WITHOUT_STORE_S:
                return stale
            raise Refused("store_unavailable", "keys cannot be looked up") from error

    async def _fetch(self, digests: list[bytes]) -> Mapping[bytes, Tenant | str | None]:
        self._metrics.key_lookups += len(digests)
        answers = {digest: _tenant(await find_principal(self._database, digest)) for digest in digests}
        if len(self._known) >= MAX_KEYS:
            for old in list(self._known)[: MAX_KEYS // 10]:
                del self._known[old]
        now = self._clock()
        for digest, found in answers.items():
            self._known[digest] = (found, now)
        return answers


def _believed(found: Tenant | str | None) -> Tenant:
    if isinstance(found, Tenant):
        return found
    raise Refused(found or "invalid_api_key")


def _tenant(found: Principal | None) -> Tenant | str | None:
    """The project that the key speaks for, or the code that refuses it."""
    if found is None:
        return None
    if found.is_suspended:
        return "account_suspended"
    if found.project_id is None or found.currency is None or found.currency_decimals is None:
        return "secret_key_required"
    return Tenant(
        found.key_id,
        found.type == "PUBLISHABLE",
        found.account_id,
        found.project_id,
        found.shard,
        found.currency,
        found.currency_decimals,
        found.plan,
        None if found.scopes is None else frozenset(found.scopes),
    )
