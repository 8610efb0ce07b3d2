"""Projects on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.rules.schemas import Name

ReleaseAfter = Annotated[int, msgspec.Meta(ge=1, le=31_536_000)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class ProjectCreate(msgspec.Struct, kw_only=True):
    """Body of a new project; in EUR unless it says otherwise, for ever."""

    name: Name
    currency: Currency | UnsetType = UNSET


class ProjectUpdate(msgspec.Struct, kw_only=True):
    """Body of a change. `release_withheld_after_s`: how long units are kept back that an engine may have sold which
    vanished together with Redis's data; null, the default: until a person releases them."""

    name: Name | UnsetType = UNSET
    release_withheld_after_s: ReleaseAfter | UnsetType | None = UNSET


class ProjectView(msgspec.Struct):
    """A project as the API shows it."""

    id: str
    object: Literal["project"]
    name: str
    currency: str
    mode: str
    status: str
    release_withheld_after_s: int | None
    twin_of: str | None
    created_at: str


class TwinCreated(msgspec.Struct):
    """The project for trying things out that comes with each; it is told apart by mode `test`."""

    id: str
    secret_key: str
    publishable_key: str


class ProjectCreated(ProjectView):
    """A new project: the only answer that shows its first keys, and those of its twin for tests."""

    secret_key: str
    publishable_key: str
    twin: TwinCreated | None = None
