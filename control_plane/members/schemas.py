"""Members on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.people.schemas import Email, MeView
from control_plane.rights import Role

ProjectIds = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(min_length=1, max_length=100)
]


class MemberInvite(msgspec.Struct, kw_only=True):
    """Body of an invitation. `project_ids` confines a manager or an analyst; left out: all projects."""

    email: Email
    role: Role
    project_ids: ProjectIds | UnsetType | None = UNSET


class MemberUpdate(msgspec.Struct, kw_only=True):
    """Body of a change; it holds from the next request on."""

    role: Role | UnsetType = UNSET
    project_ids: ProjectIds | UnsetType | None = UNSET


class MemberView(msgspec.Struct):
    """A member, or somebody who has been invited to be one."""

    id: str
    object: Literal["member"]
    email: str
    role: str
    project_ids: list[str] | None
    status: str
    invitation_expires_at: str | None
    created_at: str


class Accepted(msgspec.Struct):
    """The membership; a session with it for whoever has set a password, else null: sign in."""

    member: MemberView
    session: MeView | None
