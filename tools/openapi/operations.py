"""Every route of both planes as the document needs it. Must never spell a route: the planes have them."""

import inspect
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from control_plane import calls
from control_plane.app import discover_controllers
from control_plane.rights import OF_KEYS, OWN, PUBLIC, right_of
from engine.routes import ROUTES, Route
from tools.openapi.asking import DEPENDENCIES, Schema, ask
from tools.openapi.reading import Found, read

_SHARED = {"body_too_large", "internal_error", "recovering", "store_unavailable", "unavailable"}
_OF_ENGINE = _SHARED | {
    "account_suspended", "incomplete_body", "invalid_api_key", "invalid_request", "overloaded", "right_missing",
    "secret_key_required", "uri_too_long",
}  # fmt: skip
# What a route has a name for that is no refusal of its own: a word that an answer may also hold.
_NEVER = {"putStackingRules": {"no_effect"}}
_DEEP = {"rule_not_met", "customer_required"}
"""Codes in the meaning of rules, which the control plane builds but never judges for a caller."""

_ROUTE = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/(\{[^}]*\}|[^\s{:;,])+( and /[\w-]+)?[:;,.]?\s*)?")


class Operation(msgspec.Struct, kw_only=True):
    """One method of one path. `answers`: the struct of each status that is no refusal; `keys`: who may ask."""

    method: str
    path: str
    id: str
    plane: str
    summary: str
    description: str
    keys: tuple[str, ...]
    answers: dict[int, Any]
    codes: set[str]
    body: type[msgspec.Struct] | None = None
    parameters: dict[str, Schema] = {}
    takes_key: bool = False
    takes_project: bool = False
    right: str = ""
    is_streamed: bool = False

    @property
    def tag(self) -> str:
        """The area that it belongs to."""
        return self.path.split("/")[2].partition(".")[0]

    @property
    def segments(self) -> list[str]:
        """The names of what stands in its path."""
        return re.findall(r"{(\w+)}", self.path)


def operations() -> list[Operation]:
    """All of them, in the order of their paths."""
    found = [*(_of_engine(route) for route in ROUTES), *(_of_control_plane(path, one) for path, one in _handlers())]
    return sorted(found, key=lambda one: (one.path, one.method))


def _handlers() -> Iterator[tuple[str, HTTPRouteHandler]]:
    dependencies = {name: getattr(calls, f"provide_{name}", _nobody) for name in DEPENDENCIES}
    app = Litestar(route_handlers=discover_controllers(), dependencies=dependencies, openapi_config=None)
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if route.path.startswith("/v1/") and handler.http_methods != {"OPTIONS"}:
                yield re.sub(r"{(\w+):\w+}", r"{\1}", route.path), handler


async def _nobody() -> None:
    """Stands in for a dependency that no handler asks for yet."""


def _of_engine(route: Route) -> Operation:
    function = inspect.unwrap(route.verb)
    assert isinstance(function, FunctionType)
    found = read(function)
    codes = found.codes | set(route.errors) | _OF_ENGINE
    codes |= set() if route.publishable else {"publishable_key"}
    codes |= {"malformed_body"} if route.body else set()
    return Operation(
        method=route.method,
        path=route.path,
        id=route.operation_id,
        plane="engine",
        summary=_words(route.operation_id),
        description=_said_by(found),
        keys=("secretKey", "publishableKey") if route.publishable else ("secretKey",),
        answers={route.status: route.answer},
        codes=codes | _of_segments(route.path),
        body=route.body,
        takes_key=route.has_effect,
        right=route.right,
    )


def _of_control_plane(path: str, handler: HTTPRouteHandler) -> Operation:
    function: Any = getattr(handler.fn, "__func__", handler.fn)
    found, asked, said = read(function), ask(handler, path), handler.opt
    id_ = str(handler.operation_id)
    assert said.get("body") is None or said["body"] is asked.body, f"{id_} does not read the body that it says"
    needs = [name for name in inspect.signature(function).parameters if name in DEPENDENCIES]
    entered = [read(getattr(calls, f"provide_{name}")).codes for name in needs]
    codes = set(said.get("errors", ())).union(found.codes - _DEEP - _NEVER.get(id_, set()), _SHARED, *entered)
    method = next(iter(handler.http_methods - {"HEAD"}))
    codes -= {"malformed_body"} if method in ("GET", "DELETE") and asked.body is None else set()
    codes |= {"invalid_request", "malformed_body"} if asked.body is not None else set()
    right, takes_key = right_of(method, said), found.calls("perform")
    return Operation(
        method=method,
        path=path,
        id=id_,
        plane="control_plane",
        summary=_words(id_),
        description=_said_by(found),
        keys=_keys(right),
        answers={status: None if status == 204 else said.get("answer") for status in _statuses(found, handler)},
        codes=codes | _of_segments(path),
        body=asked.body,
        parameters=asked.parameters,
        takes_key=takes_key,
        takes_project="call" in needs,
        right=right,
        is_streamed=bool(said.get("is_streamed")),
    )


def _keys(right: str) -> tuple[str, ...]:
    """Who has a route's right; a session only as far as its member's role goes."""
    if right == PUBLIC:
        return ()
    if right == OWN:
        return ("session",)
    kinds = {"secretKey": "SECRET", "adminKey": "ADMIN"}
    return (*(name for name, kind in kinds.items() if right in OF_KEYS[kind]), "session")


def _statuses(found: Found, handler: HTTPRouteHandler) -> list[int]:
    statuses = handler.opt.get("statuses") or found.statuses or {handler.status_code}
    return sorted(statuses | ({202} if found.may_be_pending else set()))


def _of_segments(path: str) -> set[str]:
    return {"not_found"} if "{" in path else set()


def _words(operation_id: str) -> str:
    """listGiftCards: List gift cards"""
    text = re.sub(r"([A-Z])", lambda found: f" {found[1].lower()}", operation_id)
    return text[:1].upper() + text[1:]


def _said_by(found: Found) -> str:
    """What the service says of itself."""
    for function in found.functions:
        said = inspect.getdoc(function)
        if said:
            text = _ROUTE.sub("", " ".join(said.split()))
            return text[:1].upper() + text[1:]
    return ""
