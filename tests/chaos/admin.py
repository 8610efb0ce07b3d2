"""The admins of a run: they make the campaigns, and change limits and pause while these sell.

A change is insisted on with its key until it is answered 200, so that its outcome is known and no late copy of it can
undo the next one. Must never have two changes of one campaign under way.
"""

import asyncio
import random
import time
from typing import Any

import msgspec

from tests.chaos.client import Answer, Client, Request
from tests.chaos.history import Card, Change, Offer
from tests.servers.waiting import eventually

_REFUSED = range(400, 500)
_IN_PROGRESS = b"idempotency_in_progress"


class Admin:
    """The control plane as one tenant's admins use it."""

    def __init__(self, client: Client, tenant: int, secret_key: str, draw: random.Random) -> None:
        self._client = client
        self._tenant = tenant
        self._token = secret_key
        self._draw = draw
        self._count = 0
        self._open: dict[str, tuple[Change, str]] = {}
        self.changes: list[Change] = []

    async def make_set(self, *codes: str, **rules: Any) -> Offer:
        """A campaign that is sold in stacks and reservations, with these codes."""
        offer = await self.make(codes[0], **rules)
        for code in codes[1:]:
            await self._create("/v1/vouchers", {"code": code, "campaign_id": offer.campaign_id})
        return msgspec.structs.replace(offer, codes=codes)

    async def apply_what_can_be(self) -> None:
        """Stacks of this tenant go without what is refused."""
        answer = await self._ask("PUT", "/v1/stacking-rules", {"application_mode": "PARTIAL"}, self._key())
        assert answer.status == 200, (answer.status, answer.body[:300])

    async def make(self, code: str | None, codes: int = 0, **rules: Any) -> Offer:
        """A campaign with one code, or with a batch of drawn ones."""
        wish = {"discount_type": "AMOUNT", "discount_value": 5, **rules}
        made = await self._create("/v1/campaigns", {"name": "Sale", "rules": wish})
        campaign_id = str(made["id"])
        if code is not None:
            await self._create("/v1/vouchers", {"code": code, "campaign_id": campaign_id})
        else:
            started = await self._ask(
                "POST", "/v1/vouchers/bulk", {"campaign_id": campaign_id, "count": codes}, self._key()
            )
            path = f"/v1/async-actions/{msgspec.json.decode(started.body)['async_action_id']}"

            async def done() -> bool:
                return b'"status":"done"' in (await self._ask("GET", path)).body

            await eventually(done, "the batch of codes", within_s=30)
        return Offer(
            self._tenant,
            campaign_id,
            rules.get("max_redemptions"),
            rules.get("max_redemptions_per_customer"),
            rules.get("max_redemptions_per_code"),
            rules.get("durability") == "committed",
        )

    async def make_gift_card(self, amount_minor: int) -> Card:
        """A gift card with this much on it."""
        made = await self._create("/v1/gift-cards", {"amount": amount_minor / 100})
        return Card(self._tenant, "gift_card", made["id"], made["code"], first=amount_minor)

    async def make_loyalty_card(self, customer_id: str, program: Any) -> Card:
        """The customer's card in a new program."""
        club = await self._create("/v1/loyalty-programs", program)
        made = await self._create(f"/v1/loyalty-programs/{club['id']}/cards", {"customer_id": customer_id})
        return Card(self._tenant, "loyalty_card", made["id"], made["code"], customer_id, program=club["id"])

    async def make_tier(self, wish: Any) -> Card:
        """A promotion tier, which is named by its id."""
        made = await self._create("/v1/promotion-tiers", wish)
        return Card(self._tenant, "promotion_tier", made["id"], made["id"])

    async def set_limit(self, campaign_id: str, limit: int, within_s: float) -> None:
        """PATCH the limit."""
        await self._insist(Change(campaign_id, 0.0, 0.0, 0, limit=limit), within_s)

    async def set_paused(self, campaign_id: str, paused: bool, within_s: float) -> None:
        """Pause or resume."""
        await self._insist(Change(campaign_id, 0.0, 0.0, 0, paused=paused), within_s)

    async def finish(self, within_s: float = 20.0) -> None:
        """Insist on what is not known yet, and resume what is paused."""
        for change, _ in list(self._open.values()):
            await self._insist(change, within_s)
        for campaign_id in sorted({change.campaign_id for change in self.changes if change.paused is not None}):
            await self.set_paused(campaign_id, False, within_s)

    async def _insist(self, change: Change, within_s: float) -> None:
        campaign_id = change.campaign_id
        # What is not known stays first, with its key: the changes of a campaign follow each other.
        change, key = self._open.pop(campaign_id, (change, self._key()))
        asked_at, deadline = change.asked_at or time.monotonic(), time.monotonic() + within_s
        answer = Answer(0, b"", replayed=False, asked_at=asked_at, answered_at=asked_at)
        while answer.status != 200 and time.monotonic() < deadline:
            answer = await self._try(change, key)
            if answer.status == 202:
                key = self._key()  # done, and not in force yet: asked again, 200 says that it is
            elif answer.status in _REFUSED and _IN_PROGRESS not in answer.body:
                raise AssertionError(f"a change was refused: {answer.status} {answer.body[:200]!r}")
            if answer.status != 200:
                await asyncio.sleep(self._draw.uniform(0.02, 0.2))
        known = msgspec.structs.replace(change, asked_at=asked_at, answered_at=answer.answered_at, status=answer.status)
        if answer.status == 200:
            self.changes.append(known)
        else:
            self._open[campaign_id] = known, key

    @property
    def unfinished(self) -> list[Change]:
        """Changes that may or may not be in force."""
        return [change for change, _ in self._open.values()]

    async def _try(self, change: Change, key: str) -> Answer:
        path = f"/v1/campaigns/{change.campaign_id}"
        if change.limit is not None:
            return await self._ask("PATCH", path, {"rules": {"max_redemptions": change.limit}}, key)
        return await self._ask("POST", f"{path}/{'pause' if change.paused else 'resume'}", {}, key)

    async def _create(self, path: str, body: Any) -> Any:
        answer = await self._ask("POST", path, body, self._key())
        assert answer.status == 201, (path, answer.status, answer.body[:300])
        return msgspec.json.decode(answer.body)

    async def _ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        raw = b"" if body is None else msgspec.json.encode(body)
        return await self._client.ask(Request(method, path, self._token, key, raw))

    def _key(self) -> str:
        self._count += 1
        return f"admin-{self._tenant}-{self._count}-{self._draw.randrange(10**9)}"
