"""How a refusal is provoked: a shop that can be driven into every corner, and a register of who provokes which code.

A provocation is a function named after the code that it provokes; it returns the answer. Must never judge: that is
the test's.
"""

import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from domain.outcomes import PROBLEMS
from tests.control_plane.client import Client, assert_problem, created, ok
from tests.servers.stack import RunningStack

NOWHERE = "0" * 26
"""The end of an id that is spelled like one, and is nobody's."""

_numbers = itertools.count(int(time.time() * 1000))


def unique(text: str) -> str:
    """A name that no other test has used on this stack."""
    return f"{text}{next(_numbers)}"


class Shop:
    """One project of a running stack, through the gateway, with each of its keys."""

    def __init__(self, http: httpx.AsyncClient, stack: RunningStack, keys: tuple[str, str, str], owner: Any) -> None:
        self.http = http
        self.stack = stack
        self.owner = owner
        self.keys = keys
        self.secret, self.publishable, self.admin = (Client(http, key) for key in keys)
        self.post, self.get, self.patch = self.secret.post, self.secret.get, self.secret.patch

    async def voucher(self, **fields: Any) -> str:
        """Make a voucher, of 5 off unless it says otherwise; its code."""
        fields = {"discount_type": "AMOUNT", "discount_value": 5, **fields}
        return str(created(await self.post("/v1/vouchers", {"code": unique("E"), **fields}))["code"])

    async def rule(self, rule: Any) -> str:
        """Make a validation rule; its id."""
        return str(created(await self.post("/v1/validation-rules", {"name": "Rule", "rule": rule}))["id"])

    async def redeem(self, *codes: str, key: str | None = None, **more: Any) -> httpx.Response:
        """Redeem a stack, on an order of 100 unless it says otherwise."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.post("/v1/redemptions", wish(*codes, **more), headers=headers)

    async def reserve(self, *codes: str, **more: Any) -> httpx.Response:
        """Hold a stack, for a session of its own unless it says otherwise."""
        return await self.post("/v1/reservations", {"session": unique("s"), **wish(*codes, **more)})

    async def held(self, *codes: str, **more: Any) -> str:
        """The path of a reservation."""
        return f"/v1/reservations/{created(await self.reserve(*codes, **more))['id']}"

    async def project(self, **stacking: Any) -> Self:
        """Another project of the account, with stacking rules of its own."""
        made = created(await self.admin.post("/v1/projects", {"name": "Another"}))
        other = type(self)(
            self.http, self.stack, (made["secret_key"], made["publishable_key"], self.keys[2]), self.owner
        )
        if stacking:
            ok(await other.secret("PUT", "/v1/stacking-rules", stacking))
        return other

    def account(self, plan: str) -> Self:
        """Another account."""
        arguments = ("--name", "Another", "--plan", plan, "--project", "Another", "--currency", "EUR")
        made = json.loads(self.stack.command_line("account", "create", *arguments))
        keys = made["secret_key"], made["publishable_key"], made["admin_key"]
        return type(self)(self.http, self.stack, keys, self.owner)


def wish(*codes: str, **more: Any) -> dict[str, Any]:
    """The body of a stack."""
    return {"redeemables": [{"object": "voucher", "id": code} for code in codes], "order": {"amount": 100}, **more}


Provoke = Callable[[Shop], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Provocation:
    """Who provokes a code, and the fields that the answer points at; `of_part`: the code is one redeemable's."""

    provoke: Provoke
    pointers: tuple[str, ...] = ()
    of_part: bool = False


PROVOCATIONS: dict[str, Provocation] = {}


def provokes(*pointers: str, of_part: bool = False) -> Callable[[Provoke], Provoke]:
    """Enter a function into the register, under its name."""

    def enter(function: Provoke) -> Provoke:
        code = function.__name__
        assert code not in PROVOCATIONS, f"{code} is provoked twice"
        PROVOCATIONS[code] = Provocation(function, pointers, of_part)
        return function

    return enter


def assert_refused(answer: httpx.Response, code: str, *pointers: str) -> dict[str, Any]:
    """The answer is this refusal as the catalogue has it, with a time to come back where that helps."""
    body = assert_problem(answer, code, *pointers)
    assert body["type"] == f"urn:vauchflow:problem:{code}"
    waits = PROBLEMS[code].status in (429, 503)
    assert answer.headers.get("retry-after", "").isdigit() == waits or code == "idempotency_in_progress"
    return body
