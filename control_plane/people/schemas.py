"""People and their sessions on the wire."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.projects.schemas import Currency, ProjectCreated
from control_plane.rules.schemas import Name

Email = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=254,
        pattern=r"^\s*[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\s*$",
    ),
]
"""ASCII: a name in another script is sent as its xn-- form. Nothing that would make a list of it in a mail's header."""
Password = Annotated[str, msgspec.Meta(min_length=12, max_length=200)]
AnyPassword = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
SecondFactor = Annotated[str, msgspec.Meta(min_length=6, max_length=32)]
"""Six digits of an authenticator, or a recovery code."""
AccountReference = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class SignUp(msgspec.Struct, kw_only=True):
    """Body of a sign-up: a person, an account on the free plan, and a first project with its twin for tests."""

    email: Email
    password: Password
    account: Name
    project: Name | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET


class LogIn(msgspec.Struct, kw_only=True):
    """Body of a log-in; `account_id` for whoever is a member of several."""

    email: Email
    password: AnyPassword
    totp: SecondFactor | UnsetType = UNSET
    account_id: AccountReference | UnsetType = UNSET


class PasswordChange(msgspec.Struct, kw_only=True):
    """Body of a change of one's own password; it ends every other session."""

    password: AnyPassword
    new_password: Password


class ResetRequest(msgspec.Struct, kw_only=True):
    """Body of whoever has forgotten their password."""

    email: Email


class ResetConfirm(msgspec.Struct, kw_only=True):
    """Body of a reset: what was mailed, and the new password."""

    token: Token
    password: Password


class EmailConfirm(msgspec.Struct, kw_only=True):
    """Body of whoever confirms the address that they have signed up with: what was mailed there."""

    token: Token


class InvitationAccept(msgspec.Struct, kw_only=True):
    """Body of whoever accepts: what was mailed, and a password where the person has none yet."""

    token: Token
    password: Password | UnsetType = UNSET


class TotpCode(msgspec.Struct, kw_only=True):
    """Body with a code of the second factor."""

    code: SecondFactor


class TotpBegun(msgspec.Struct):
    """What an authenticator is told; it counts once a code has confirmed it."""

    secret: str
    otpauth_uri: str


class TotpConfirmed(msgspec.Struct):
    """The second factor is on. The only answer that shows the recovery codes; each works once."""

    recovery_codes: list[str]


class PersonView(msgspec.Struct):
    """Who has signed in."""

    id: str
    email: str
    email_verified: bool
    totp: bool
    recovery_codes_left: int


class MembershipView(msgspec.Struct):
    """An account that the person is a member of; `project_ids` null: all of its projects."""

    account_id: str
    member_id: str
    role: str
    project_ids: list[str] | None


class MeView(msgspec.Struct):
    """A session: whose, in which account, what they may do, and the token that every change sends as Vauchflow-CSRF."""

    object: Literal["session"]
    person: PersonView
    member: MembershipView
    memberships: list[MembershipView]
    rights: list[str]
    csrf_token: str


class SessionView(msgspec.Struct):
    """A session of one's own that stands; `current` is the one that asks. It ends 12 hours after it was last seen, and
    at `expires_at` at the latest."""

    id: str
    object: Literal["session"]
    account_id: str
    member_id: str
    current: bool
    created_at: str
    seen_at: str
    expires_at: str


class SignedUp(MeView):
    """The session of somebody new, with the projects and their keys, which cannot be read again."""

    projects: list[ProjectCreated]


class Done(msgspec.Struct):
    """It is done, or will be where there is anything to do."""

    done: Literal[True] = True
