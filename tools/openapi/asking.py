"""Asks a route of the control plane what it takes: its handler is called with a stand-in for the call, which notes
which body and which parameters are asked for, and goes no further than that.

Must never let a route do its work: whatever it reaches for beyond the call is not there.
"""

import inspect
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from control_plane.problems import Errors
from control_plane.queries import DEFAULT_LIMIT, MOST_LIMIT, Page

Schema = dict[str, Any]

DEPENDENCIES = ("call", "account", "visit")
"""What handlers ask for, each made by the function of control_plane.calls that is named after it."""


class Asked(msgspec.Struct):
    """What a route asks its call for: parameters, and the body's struct; None where it asks for none."""

    parameters: dict[str, Schema]
    body: type[msgspec.Struct] | None = None
    is_done: bool = False


class _Enough(Exception):
    """All is known."""


class _Query:
    """Notes what is asked of a query. Its methods are those of control_plane.queries.Query."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def text(self, name: str, longest: int = 128) -> None:
        self._asked.parameters[name] = {"type": "string", "minLength": 1, "maxLength": longest}

    def choice(self, name: str, options: Sequence[str]) -> None:
        self._asked.parameters[name] = {"type": "string", "enum": list(options)}

    def time(self, name: str) -> None:
        self._asked.parameters[name] = {"type": "string", "format": "date-time"}

    def number(self, name: str, default: int, most: int) -> int:
        self._asked.parameters[name] = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
        return default

    def page(self) -> Page:
        self.number("limit", DEFAULT_LIMIT, MOST_LIMIT)
        self.text("cursor", 400)
        return Page(DEFAULT_LIMIT, None, None)

    def found(self) -> None:
        raise AssertionError("nothing was searched for: text() has said so")

    def done(self) -> None:
        self._asked.is_done = True


class _Call(SimpleNamespace):
    """Stands in for a call."""

    asked: Asked

    def query(self) -> _Query:
        return _Query(self.asked)

    def body(self, schema: type[msgspec.Struct]) -> None:
        self.asked.body = schema
        raise _Enough


def ask(handler: HTTPRouteHandler, path: str) -> Asked:
    """What the route asks for."""
    if not set(DEPENDENCIES) & set(inspect.signature(handler.fn).parameters):
        return Asked({})
    asked = Asked({})
    call = _Call(
        asked=asked,
        errors=Errors(),
        account_id="acc_x",
        project_id="prj_x",
        named_project=None,
        raw_body=b"",
        idempotency_key=None,
        principal=SimpleNamespace(type="ADMIN", account_id="acc_x", project_id=None),
        tenant=SimpleNamespace(project_id="prj_x", account_id="acc_x", currency="EUR", decimals=2),
    )
    in_path = set(re.findall(r"{(\w+)}", path))
    names = inspect.signature(handler.fn).parameters
    coroutine: Any = handler.fn(**{name: "x" if name in in_path else call for name in names})
    try:
        coroutine.send(None)
    except (_Enough, StopIteration):
        pass
    except Exception as error:  # it has reached for what is not there
        if asked.body is None:
            asked.body = handler.opt.get("body")  # of a list that is judged later, record by record
        if not (asked.is_done or asked.body) and "GET" in handler.http_methods:
            raise AssertionError(f"{handler.operation_id} does something before it asks for what it takes") from error
    finally:
        coroutine.close()
    return asked
