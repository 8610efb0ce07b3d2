"""An account of the walk: somebody has signed up, a member of each role has joined, keys of every kind are there, and
the tour has been taken, so that there is one of everything."""

import re
from typing import Any

import httpx

from domain.ids import is_id
from tests.control_plane.client import Client, created, ok
from tests.control_plane.people import PASSWORD, Person, log_in, mailed_token, sign_up
from tests.servers.waiting import eventually

from .provoking import Shop, unique
from .tour import STEPS
from .touring import PLACES, Step, Tour

_WORDS = re.compile(r"[\w-]+")
CODED = ("voucher", "gift", "card", "referral")
"""What the tour knows that has a code."""


def bearer(key: str) -> dict[str, str]:
    """What says that a key asks."""
    return {"Authorization": f"Bearer {key}"}


def in_project(headers: dict[str, str], project_id: str) -> dict[str, str]:
    """What says so for one project of an account."""
    return {**headers, "Vauchflow-Project": project_id}


def words_of(text: str) -> set[str]:
    """What may be an id or a code."""
    return set(_WORDS.findall(text))


class Guest:
    """An account of its own, and what its tour has seen."""

    def __init__(self, shop: Shop, owner: Person) -> None:
        self.shop, self.http, self.owner = shop, shop.http, owner
        live, twin = owner.body["projects"]
        self.project_id, self.twin_id = live["id"], twin["id"]
        self.secret_key, self.publishable_key, self.twin_key = (
            live["secret_key"], live["publishable_key"], twin["secret_key"],
        )  # fmt: skip
        self.admin_key = ""
        self.tour = Tour({"mark": unique("-")}, shop.stack.home.outbox)
        self.answers: list[tuple[Step, httpx.Response]] = []

    @classmethod
    async def arrive(cls, shop: Shop) -> "Guest":
        """Sign up, and confirm the address."""
        owner = await sign_up(shop.http, f"{unique('owner')}@example.com")
        shop.http.cookies.clear()
        made = cls(shop, owner)
        token = await mailed_token(shop.stack.home.outbox, owner.email, "confirm-email")
        ok(await owner.post("/v1/me/email-confirmation/confirm", {"token": token}))
        made.admin_key = created(await owner.post("/v1/api-keys", {"type": "ADMIN"}))["key"]
        return made

    async def member(self, role: str, **more: Any) -> Person:
        """Somebody new who has joined with this role."""
        email = f"{unique(role)}@example.com"
        created(await self.owner.post("/v1/members", {"email": email, "role": role, **more}))
        token = await mailed_token(self.shop.stack.home.outbox, email, "accept-invitation")
        answer = await self.http.post("/v1/invitations/accept", json={"token": token, "password": PASSWORD})
        ok(answer)
        self.http.cookies.clear()
        return Person(self.http, answer)

    async def log_in_again(self) -> Person:
        """Another session of the owner."""
        again = await log_in(self.http, self.owner.email)
        self.http.cookies.clear()
        return again

    def key_of(self, step: Step) -> dict[str, str]:
        """What the tour is taken with."""
        return bearer(self.admin_key if step.is_admins else self.secret_key)

    async def take(self, step: Step, headers: dict[str, str] | None = None) -> httpx.Response:
        answer = await self.tour.take(self.http, step, headers or self.key_of(step))
        self.answers.append((step, answer))
        return answer

    async def take_the_tour(self) -> None:
        for step in STEPS:
            await self.take(step)
        client = Client(self.http, self.secret_key)

        async def is_at_rest() -> bool:
            waiting = [ok(await client.get(f"/v1/async-actions?status={status}")) for status in ("queued", "running")]
            return not any(each["data"] for each in waiting)

        await eventually(is_at_rest, "what was asked for in bulk")

    async def again(self, step: Step, headers: dict[str, str]) -> httpx.Response:
        """The same call by somebody else."""
        method, path, body = self.tour.request(step)
        if isinstance(body, str):
            return await self.http.request(method, path, content=body, headers={"Content-Type": "text/csv", **headers})
        return await self.http.request(method, path, json=body, headers=headers)

    def secrets(self, of_project_alone: bool = False) -> set[str]:
        """Ids and codes that are nobody else's business, or that are this project's and no other's of the account."""
        told = [(step, answer) for step, answer in self.answers if PLACES[step.operation].keys - {"session"}]
        if of_project_alone:
            ours = [each for each in told if PLACES[each[0].operation].takes_project]
            found = {word for _, answer in ours for word in words_of(answer.text) if _is_of_project(word)}
        else:
            found = {word for _, answer in told for word in words_of(answer.text) if _is_any_id(word)}
        return found | {str(self.tour.known[name]["code"]) for name in CODED}

    async def seen(self) -> dict[str, Any]:
        """What the guest's own things are now, but for what is signed anew each time."""
        reads = [step for step in STEPS if PLACES[step.operation].method == "GET" and "{" in str(step.at)]
        reads = [step for step in reads if not step.is_persons]
        answers = {step.operation: await self.again(step, self.key_of(step)) for step in reads}
        return {
            name: answer.json() for name, answer in answers.items() if not name.endswith(("Proof", "exportCustomer"))
        }


_OF_ACCOUNT = ("acc", "key", "mem", "per", "prj", "ses")


def _is_any_id(word: str) -> bool:
    return is_id(word.partition("_")[0], word)


def _is_of_project(word: str) -> bool:
    return _is_any_id(word) and word.partition("_")[0] not in _OF_ACCOUNT
