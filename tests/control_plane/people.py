"""People at the API: somebody with a cookie and the token that proves what their page asked for."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx

from control_plane.cookies import COOKIE
from tests.control_plane.client import created, ok
from tests.servers.waiting import eventually

PASSWORD = "correct horse battery"


class Person:
    """Somebody who is signed in, or was."""

    def __init__(self, http: httpx.AsyncClient, answer: httpx.Response) -> None:
        self.http = http
        self.answer = answer
        self.body: dict[str, Any] = answer.json()
        self.cookie = cookie_of(answer)
        session = self.body.get("session") or self.body
        self.csrf = session["csrf_token"]
        self.account_id = session["member"]["account_id"]
        self.member_id = session["member"]["member_id"]
        self.email = str(session["person"]["email"])

    @property
    def headers(self) -> dict[str, str]:
        """What their page sends."""
        return {"Cookie": f"{COOKIE}={self.cookie}", "Vauchflow-CSRF": self.csrf}

    async def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers={**self.headers, **(headers or {})})

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self("POST", path, body, **more)


def cookie_of(answer: httpx.Response) -> str:
    """The session that an answer hands out; '' where it takes one back."""
    found = re.match(rf"{COOKIE}=([^;]*);", answer.headers["set-cookie"])
    assert found is not None
    return found.group(1)


async def sign_up(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Person:
    """Somebody new, with an account of their own."""
    answer = await http.post("/v1/signup", json={"email": email, "password": password, "account": "Acme"})
    created(answer)
    return Person(http, answer)


async def log_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: Any) -> Person:
    """Somebody known."""
    answer = await http.post("/v1/login", json={"email": email, "password": password, **more})
    ok(answer)
    return Person(http, answer)


async def confirm(person: Person, outbox: Path, chores: Any) -> None:
    """Confirm the address that somebody has signed up with, by what was mailed there."""
    await chores.done()
    token = token_for(outbox, person.email, "confirm-email")
    ok(await person.post("/v1/me/email-confirmation/confirm", {"token": token}))


async def invite(owner: Person, email: str, role: str, outbox: Path, chores: Any, **more: Any) -> tuple[str, str]:
    """The id and the mailed token of somebody who is invited; the owner's address is confirmed before."""
    if not ok(await owner.get("/v1/me"))["person"]["email_verified"]:
        await confirm(owner, outbox, chores)
    member = created(await owner.post("/v1/members", {"email": email, "role": role, **more}))
    await chores.done()
    return member["id"], token_for(outbox, email)


async def join(owner: Person, email: str, role: str, outbox: Path, chores: Any, **more: Any) -> Person:
    """Somebody new who has accepted."""
    _, token = await invite(owner, email, role, outbox, chores, **more)
    answer = await owner.http.post("/v1/invitations/accept", json={"token": token, "password": PASSWORD})
    ok(answer)
    return Person(owner.http, answer)


def mails_to(outbox: Path, email: str) -> list[dict[str, str]]:
    """What was sent to somebody, oldest first."""
    mails = [json.loads(path.read_text()) for path in sorted(outbox.glob("*.json"), key=lambda path: path.name)]
    return [mail for mail in mails if mail["to"] == email]


def modes_of(outbox: Path) -> list[int]:
    """Who may read each mail."""
    return [path.stat().st_mode & 0o777 for path in outbox.glob("*.json")]


def token_for(outbox: Path, email: str, page: str = "") -> str:
    """The token of the last mail to somebody that leads to this page, or to any."""
    tokens = [re.search(rf"/{page or '[a-z-]+'}#token=([\w-]+)", mail["text"]) for mail in mails_to(outbox, email)]
    return [found.group(1) for found in tokens if found is not None][-1]


async def mailed_token(outbox: Path, email: str, page: str) -> str:
    """The token of a mail that another process sends to somebody after it has answered."""

    async def found() -> bool:
        return any(f"/{page}#" in mail["text"] for mail in mails_to(outbox, email))

    await eventually(found, f"the mail that leads to {page}")
    return token_for(outbox, email, page)


async def all_of(*awaited: Any) -> list[Any]:
    """At the same time."""
    return list(await asyncio.gather(*awaited))
