"""API keys on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Name

ProjectReference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


Scopes = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(min_length=1, max_length=100)
]


class ApiKeyCreate(msgspec.Struct, kw_only=True):
    """Body of a new key; a secret one unless it says otherwise. A project's key or its `project_id` says for which
    project; an ADMIN key is for all of the account. `scopes`: the rights it is confined to; left out: all of its type.
    """

    type: Literal["SECRET", "PUBLISHABLE", "ADMIN"] | UnsetType = UNSET
    project_id: ProjectReference | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType | None = UNSET


class ApiKeyRotate(msgspec.Struct, kw_only=True):
    """Body of a rotation: how long the old key lives on beside the new one; not at all unless it says so."""

    grace_s: Annotated[int, msgspec.Meta(ge=0, le=604_800)] | UnsetType = UNSET


class ApiKeyCreated(msgspec.Struct):
    """A new key: the only answer that shows it."""

    id: str
    object: Literal["api_key"]
    key: str
    type: Literal["SECRET", "PUBLISHABLE", "ADMIN"]
    project_id: str | None
    name: str | None = None
    scopes: list[str] | None = None
    rotated_from: str | None = None


class ApiKeyView(msgspec.Struct):
    """A key as lists show it."""

    id: str
    object: Literal["api_key"]
    type: str
    project_id: str | None
    masked_key: str
    status: Literal["active", "expiring", "expired", "revoked"]
    name: str | None
    scopes: list[str] | None
    rotated_from: str | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
