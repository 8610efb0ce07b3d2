"""API keys on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

ProjectReference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ApiKeyCreate(msgspec.Struct, kw_only=True):
    """Body of a new key; a secret one unless it says otherwise. An admin key names the project."""

    type: Literal["SECRET", "PUBLISHABLE"] | UnsetType = UNSET
    project_id: ProjectReference | UnsetType = UNSET


class ApiKeyCreated(msgspec.Struct):
    """A new key: the only answer that shows it."""

    id: str
    object: Literal["api_key"]
    key: str
    type: Literal["SECRET", "PUBLISHABLE"]
    project_id: str


class ApiKeyView(msgspec.Struct):
    """A key as lists show it."""

    id: str
    object: Literal["api_key"]
    type: str
    project_id: str | None
    masked_key: str
    status: Literal["active", "revoked"]
    created_at: str
    revoked_at: str | None
