"""A tour of the API: one call of each operation of the OpenAPI document, in an order in which each finds what it needs.

What stands in braces in a path, a query or a body is a field of what an earlier call was answered: "{voucher.code}".
Must never spell a path: the document has them.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pyotp

from tests.control_plane.people import Person, cookie_of, mailed_token
from tools.dev.paths import ROOT

DOCUMENT: dict[str, Any] = msgspec.json.decode((ROOT / "docs" / "openapi.json").read_bytes())
_NAMED = re.compile(r"{([a-z_]+)(?:\.([a-z0-9_.]+))?}")


@dataclass(frozen=True)
class Place:
    """Where an operation is."""

    method: str
    path: str
    said: dict[str, Any]

    @property
    def segments(self) -> list[str]:
        """The names of what stands in its path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def keys(self) -> set[str]:
        """With what it may be asked; empty: by anybody."""
        return {name for each in self.said["security"] for name in each}

    @property
    def right(self) -> str:
        """The right that it takes."""
        return str(self.said["x-right"])

    @property
    def takes_project(self) -> bool:
        """Whether it is about one project's data, in the control plane."""
        return {"$ref": "#/components/parameters/Project"} in self.said.get("parameters", ())


PLACES: dict[str, Place] = {
    said["operationId"]: Place(method.upper(), path, said)
    for path, methods in DOCUMENT["paths"].items()
    for method, said in methods.items()
}


@dataclass(frozen=True)
class Step:
    """One call. `at` fills its path; `kept` names its answer; `is_admins`: with the account's key. `status`: where
    that is no success, because what it is about does not come about by calls alone. `mailed`: it takes the token of the
    mail that leads to this page, sent to this address, as {token}."""

    operation: str
    body: Any = None
    at: tuple[str, ...] = ()
    kept: str = ""
    key: str | None = None
    is_admins: bool = False
    status: int = 0
    mailed: tuple[str, str] | None = None

    @property
    def is_persons(self) -> bool:
        """Whether it is about whoever has signed in, and takes nothing but a session."""
        return PLACES[self.operation].keys == {"session"}


@dataclass
class Tour:
    """What has been answered so far, by the names that steps have given it."""

    known: dict[str, Any] = field(default_factory=dict)
    outbox: Path | None = None
    session: dict[str, str] = field(default_factory=dict)
    """What is sent with the session that the tour has begun last."""

    def filled(self, value: Any) -> Any:
        """The value with every name in braces replaced."""
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return (
            _NAMED.sub(lambda found: str(self._look_up(found[1], found[2])), value) if isinstance(value, str) else value
        )

    def _look_up(self, name: str, path: str | None) -> Any:
        value = self.known[name]
        for part in path.split(".") if path else ():
            value = value[int(part)] if isinstance(value, list) else value[part]
        return value

    def request(self, step: Step) -> tuple[str, str, Any]:
        """Method, path and body of a step."""
        place, segments = PLACES[step.operation], [self.filled(each) for each in step.at]
        path = place.path
        for name, segment in zip(place.segments, segments, strict=True):
            path = path.replace(f"{{{name}}}", quote(segment, safe=""))
        return place.method, path, self.filled(step.body)

    async def take(self, http: httpx.AsyncClient, step: Step, headers: dict[str, str]) -> httpx.Response:
        """Make the call with what says who asks, and keep what is answered; steps of people with their session."""
        if step.mailed is not None:
            assert self.outbox is not None
            page, address = step.mailed
            self.known["token"] = await mailed_token(self.outbox, self.filled(address), page)
        if step.operation == "confirmTotp":
            self.known["code"] = pyotp.TOTP(self.known["totp"]["secret"]).now()
        method, path, body = self.request(step)
        headers = dict(self.session if step.is_persons else headers)
        if step.key is not None:
            headers["Idempotency-Key"] = self.filled(step.key)
        if isinstance(body, str):
            headers["Content-Type"] = "text/csv"
        content = body.encode() if isinstance(body, str) else b"" if body is None else msgspec.json.encode(body)
        answer = await http.request(method, path, content=content, headers=headers)
        http.cookies.clear()  # what is sent is said by each call
        if step.kept:
            self.known[step.kept] = answer.json()
        if "set-cookie" in answer.headers:
            person = Person(http, answer) if cookie_of(answer) else None
            self.session = {} if person is None else person.headers
        return answer
