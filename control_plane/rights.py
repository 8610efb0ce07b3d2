"""Rights: what a role, a key or a scope may do, in one table. Every route states the area that it belongs to, or the
right that it takes; calls.py compares the two, and nothing else does.

A right is `<area>:read` or `<area>:write`; reading is GET, everything else is writing. Must never be decided by a
service: one that forgets to ask must not be open.
"""

from collections.abc import Iterable
from typing import Any, Literal

Role = Literal["owner", "admin", "manager", "analyst"]
ROLES: tuple[Role, ...] = ("owner", "admin", "manager", "analyst")

PUBLIC = "public"
"""Of routes that anybody may ask: they prove by themselves who asks."""
OWN = "own"
"""Of routes on the member who has signed in, whatever their role."""

PROJECT_AREAS = (
    "analytics",
    "async_actions",
    "campaigns",
    "collections",
    "customers",
    "events",
    "exports",
    "gift_cards",
    "loyalty",
    "metadata_schemas",
    "orders",
    "products",
    "promotion_tiers",
    "proofs",
    "publications",
    "quarantine",
    "redemptions",
    "referrals",
    "segments",
    "skus",
    "stacking_rules",
    "validation_rules",
    "validations",
    "vouchers",
)
"""What a project's data are about. `validations` and the checkout's part of `redemptions` are the engine's."""
ACCOUNT_AREAS = ("account", "api_keys", "audit_log", "members", "projects")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def _of(areas: Iterable[str], *verbs: str) -> frozenset[str]:
    return frozenset(f"{area}:{verb}" for area in areas for verb in verbs)


_READS = _of(PROJECT_AREAS, "read") | {"account:read", "projects:read"}
_WORK = _of(PROJECT_AREAS, "read", "write") | {"account:read", "projects:read"}

ALL = _of((*PROJECT_AREAS, *ACCOUNT_AREAS), "read", "write")
OF_ROLES: dict[str, frozenset[str]] = {
    "owner": ALL,
    "admin": ALL - {"account:write"},
    "manager": _WORK,
    # To look is to take home: an analyst may have what may be read as a file.
    "analyst": _READS | {"exports:write"},
}
OF_KEYS: dict[str, frozenset[str]] = {
    "ADMIN": OF_ROLES["admin"],
    "SECRET": _WORK | {"api_keys:read", "api_keys:write"},
    "PUBLISHABLE": frozenset({"validations:read"}),
}


def right_of(method: str, opt: dict[str, Any]) -> str:
    """The right that a route takes; AssertionError where it states none."""
    if "right" in opt:
        return str(opt["right"])
    assert opt.get("area") in (*PROJECT_AREAS, *ACCOUNT_AREAS), "a route states its area or its right"
    return f"{opt['area']}:{'read' if method in _SAFE else 'write'}"


def in_area(area: str) -> dict[str, str]:
    """What a controller says of its routes, each of which may say otherwise by itself."""
    return {"area": area}


def taking(right: str) -> dict[str, str]:
    """What a controller says whose routes all take the same right."""
    return {"right": right}
