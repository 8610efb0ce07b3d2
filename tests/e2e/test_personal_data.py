"""A customer who has used everything is erased, and is then nowhere: not in a dump of PostgreSQL, not in Redis."""

import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx
import redis.asyncio

from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually
from tools.dev.binaries import find_postgres

from .checkout import Checkout
from .conftest import Ledger
from .projects import project
from .test_promotions import ok
from .test_receipts import export, verify

ITEMS = [{"sku": "TEE", "quantity": 2, "price": 20}]


class Person:
    """Somebody whose id, name and address are like nobody else's."""

    def __init__(self) -> None:
        mark = uuid.uuid4().hex
        self.id = f"cust-{mark[:12]}"
        self.name = f"Zoë {mark[12:20]}"
        self.email = f"{mark[20:]}@example.com"
        self.key = f"key-{mark[:8]}-{mark[24:]}"

    @property
    def traces(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "email": self.email, "key": self.key}


async def in_redis(stack: RunningStack) -> bytes:
    """Every key and all that it holds."""
    found: list[Any] = []
    client: Any = redis.asyncio.Redis.from_url(stack.state.redis_url)  # redis-py types every answer as every type
    async with client:
        async for key in client.scan_iter(count=1000):
            type_ = await client.type(key)
            found.append(key)
            if type_ == b"string":
                found.append(await client.get(key))
            elif type_ == b"hash":
                found += [part for pair in (await client.hgetall(key)).items() for part in pair]
            else:
                assert type_ == b"stream", type_
                found += [part for _, fields in await client.xrange(key) for part in fields.values()]
    return b"\n".join(each for each in found if each is not None)


def in_postgres(stack: RunningStack) -> bytes:
    """The whole database, as text; bytes are in hexadecimal there."""
    command = [str(find_postgres().folder / "pg_dump"), "--data-only", f"--dbname={stack.state.database_url}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def told_of(person: Person, dump: bytes) -> dict[str, list[str]]:
    """Which of a person's traces a dump holds, and where."""
    found: dict[str, list[str]] = {}
    for name, text in person.traces.items():
        for spelled in (text.encode(), text.encode().hex().encode()):
            for at in re.finditer(re.escape(spelled), dump):
                table = dump.rfind(b"\nCOPY ", 0, at.start())
                where = dump[table + 1 : table + 60] if table >= 0 else b""
                found.setdefault(name, []).append(
                    (where + b" ... " + dump[at.start() - 60 : at.end() + 20]).decode("latin-1")
                )
    return found


async def erased(shop: Checkout, person: Person) -> dict[str, Any]:
    """The action that erased them, when it is over."""
    accepted = await ok(await shop.call("POST", f"/v1/customers/{person.id}/erase"), 202)
    path = f"/v1/async-actions/{accepted['async_action_id']}"

    async def is_over() -> bool:
        return bool((await ok(await shop.call("GET", path)))["status"] in ("done", "failed"))

    await eventually(is_over, "the end of an erasure", within_s=60)
    action: dict[str, Any] = await ok(await shop.call("GET", path))
    assert action["status"] == "done", action
    return action


class Life:
    """What a person does in a shop."""

    def __init__(self, shop: Checkout, person: Person) -> None:
        self.person = person
        self.call = shop.call
        self.customer = {"customer": {"id": person.id, "email": person.email}}

    async def made(self, path: str, body: Any, key: str | None = None) -> Any:
        return await ok(await self.call("POST", path, body, key=key), 201)

    async def asked(self, path: str, body: Any = None, key: str | None = None) -> Any:
        return await ok(await self.call("POST", path, body, key=key))

    async def be_known(self) -> None:
        """With an upsert whose answer is kept."""
        person = self.person
        body = {"id": person.id, "name": person.name, "email": person.email, "metadata": {"called": person.name}}
        await self.asked("/v1/customers", {**body, "segments": ["vip"]}, key=f"up-{uuid.uuid4().hex}")

    async def redeem(self) -> tuple[str, str]:
        """A campaign, and a redemption that is not rolled back, of five in all with what is reserved and a card's."""
        rule = {"all": [{"customer.segment": {"eq": "vip"}}, {"redemptions.customer.day": {"lte": 9}}]}
        twice = await self.made("/v1/validation-rules", {"name": "A few", "rule": rule})
        terms = {"discount_type": "AMOUNT", "discount_value": 5, "max_redemptions_per_customer": 5}
        sale = (await self.made("/v1/campaigns", {"name": "Sale", "rules": terms}))["id"]
        for code, own in (
            ("SAVED", {"validation_rules": [twice["id"]]}),
            ("FREE", {}),
            ("HELD", {}),
            ("GIVEN", {"customer_id": self.person.id}),
        ):
            await self.made("/v1/vouchers", {"campaign_id": sale, "code": code, "max_redemptions": 99, **own})
        order = {"id": f"order-{uuid.uuid4().hex}", "items": ITEMS, "metadata": {"greeting": self.person.name}}
        body = {"redeemables": [{"object": "voucher", "id": "SAVED"}], **self.customer, "order": order}
        await self.asked("/v1/validations", body)
        first = await self.asked("/v1/redemptions", body, key=self.person.key)
        short = {"order_value": 50, "customer_id": self.person.id}
        second = await self.asked("/v1/vouchers/SAVED/redeem", short, key=f"{self.person.key}-2")
        third = await self.asked("/v1/vouchers/SAVED/redeem", short)
        part = {"items": [{"sku": "TEE", "quantity": 1}]}
        await self.asked(f"/v1/redemptions/{first['id']}/rollback", part, key=f"{self.person.key}-r")
        await self.asked(f"/v1/redemptions/{second['id']}/rollback")
        return sale, third["id"]

    async def reserve(self) -> None:
        """One that is released, and one that is captured."""
        body = {"redeemables": [{"object": "voucher", "id": "HELD"}], **self.customer, "order": {"items": ITEMS}}
        for session, end in (("s1", "release"), ("s2", "capture")):
            reservation = await self.made("/v1/reservations", {**body, "session": session})
            await self.asked(f"/v1/reservations/{reservation['id']}/{end}")

    async def pay(self, campaign: str) -> tuple[Any, Any]:
        """A gift card that is spent, a loyalty card that earns, and somebody referred."""
        gift = await self.made("/v1/gift-cards", {"amount": 50, "customer_id": self.person.id})
        pays = {"redeemables": [{"object": "gift_card", "id": gift["code"]}], "order": {"items": ITEMS}}
        await self.asked("/v1/redemptions", {**pays, **self.customer})
        earning = {"earning_rules": [{"event": "order.paid", "points": 10}], "spending": {"points": 10, "amount": 1}}
        club = await self.made("/v1/loyalty-programs", {"name": "Club", **earning})
        card = await self.made(f"/v1/loyalty-programs/{club['id']}/cards", {"customer_id": self.person.id})
        paid = {"type": "order.paid", "customer_id": self.person.id, "order": {"id": "order-1", "amount": 80}}
        assert (await self.asked("/v1/events", paid))["earned"]
        friends = await self.made("/v1/referral-programs", {"name": "Friends", "rules": {"discount_value": 5}})
        told = {"customer_id": self.person.id, "prefix": "ZOE", "email": self.person.email}
        code = (await self.made(f"/v1/referral-programs/{friends['id']}/codes", told))["code"]
        friend = {"order_value": 50, "customer": {"id": uuid.uuid4().hex}}
        await self.asked(f"/v1/vouchers/{code}/redeem", friend)
        await self.asked("/v1/qualifications", {**self.customer, "order": {"items": ITEMS}})
        await self.made("/v1/publications", {"campaign_id": campaign, "customer_id": self.person.id})
        order = {"id": f"kept-{uuid.uuid4().hex}", "customer_id": self.person.id, "amount": 10}
        await self.asked("/v1/orders", {**order, "metadata": {"greeting": self.person.name}})
        return gift, card


async def use_everything(shop: Checkout, person: Person) -> dict[str, Any]:
    """What the person has left behind, by what it is of."""
    life = Life(shop, person)
    await life.be_known()
    campaign, redemption = await life.redeem()
    await life.reserve()
    gift, card = await life.pay(campaign)
    return {"campaign": campaign, "redemption": redemption, "gift": gift, "card": card}


async def exported(stack: RunningStack, shop_key: str, person: Person) -> Any:
    """The document, as a file."""
    async with httpx.AsyncClient(base_url=stack.state.api_url) as http:
        headers = {"Authorization": f"Bearer {shop_key}"}
        answer = await http.get(f"/v1/customers/{person.id}/export", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="customer.json"'
    return answer.json()


async def test_an_erased_customer_is_nowhere(stack: RunningStack, ledger: Ledger, tmp_path: Path) -> None:
    person = Person()
    async with project(stack) as shop:
        used = await use_everything(shop, person)

        async def is_settled() -> bool:
            return await ledger.number("SELECT count(*) FROM redemptions WHERE customer_id = $1", person.id) == 5

        await eventually(is_settled, "all of it in the ledger")
        assert set(told_of(person, in_postgres(stack))) == set(person.traces)
        assert "id" in told_of(person, await in_redis(stack))
        document = await exported(stack, shop.token, person)
        assert (document["customer"]["email"], len(document["redemptions"])) == (person.email, 5)
        others = ("gift_cards", "loyalty_cards", "referral_codes", "referrals", "events", "publications")
        assert {name: len(document[name]) for name in others} == dict.fromkeys(others, 1)
        assert len(document["vouchers"]) == 2
        assert {one["customer_id"] for one in document["orders"]} == {person.id}
        assert [one["type"] for one in document["gift_cards"][0]["transactions"]] == ["spend", "issue"]
        assert [one["type"] for one in document["loyalty_cards"][0]["transactions"]] == ["earn"]

        action = await erased(shop, person)
        assert (action["done_count"], action["failed_count"]) == (5, 0)
        assert told_of(person, in_postgres(stack)) == {}
        assert told_of(person, await in_redis(stack)) == {}
        await still_whole(shop, used, person, tmp_path)

        assert (await erased(shop, person))["done_count"] == 0  # as often as one likes
        again = {"customer_id": person.id}
        for _ in range(5):  # somebody new
            await ok(await shop.redeem("FREE", **again))
        assert (await shop.redeem("FREE", **again)).code == "customer_limit_reached"
        assert (await erased(shop, person))["done_count"] == 5
        assert told_of(person, in_postgres(stack)) == {}
        assert told_of(person, await in_redis(stack)) == {}


async def still_whole(shop: Checkout, used: dict[str, Any], person: Person, folder: Path) -> None:
    """What was sold is sold; only whose it was is gone."""
    for path in ("", "/export"):
        assert (await shop.call("GET", f"/v1/customers/{person.id}{path}")).code == "customer_not_found"
    for path in ("/v1/customers?search=cust", "/v1/customers", f"/v1/redemptions?customer_id={person.id}"):
        assert person.id not in (await shop.call("GET", path)).body.decode()
    verdict = verify(*await export(shop, f"/v1/campaigns/{used['campaign']}", folder))
    assert (verdict["valid"], verdict["count"], verdict["rolled_back"]) == (True, 4, 1), verdict
    assert verdict["unopened"] == 4
    gift = await ok(await shop.call("GET", f"/v1/gift-cards/{used['gift']['code']}"))
    assert (gift["spent"], gift.get("customer_id")) == (40, None)
    card = await ok(await shop.call("GET", f"/v1/loyalty-cards/{used['card']['code']}"))
    assert card["status"] == "blocked"
    assert (await shop.call("POST", f"/v1/redemptions/{used['redemption']}/rollback")).status == 200
    log = (await shop.call("GET", "/v1/audit-log")).body.decode()
    assert person.id not in log
