"""Routes of people: what anybody may ask, and what whoever has signed in may ask of themselves."""

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from control_plane.calls import AccountCall
from control_plane.members.accepting import accept
from control_plane.members.schemas import Accepted
from control_plane.people import confirming, resets, second_factor, sessions, signing_in
from control_plane.people.schemas import (
    Done,
    EmailConfirm,
    InvitationAccept,
    LogIn,
    MeView,
    PasswordChange,
    ResetConfirm,
    ResetRequest,
    SessionView,
    SignedUp,
    SignUp,
    TotpBegun,
    TotpCode,
    TotpConfirmed,
)
from control_plane.people.signing_up import sign_up
from control_plane.queries import ListBody
from control_plane.rights import OWN, PUBLIC, taking
from control_plane.visits import Visit


class DoorController(Controller):
    """/v1/signup, /v1/login, /v1/password-resets, /v1/invitations: without a key or a session."""

    path = "/v1"
    opt = taking(PUBLIC)

    @post("/signup", operation_id="signUp", opt={"body": SignUp, "answer": SignedUp})
    async def sign_up(self, visit: NamedDependency[Visit]) -> Response[bytes]:
        return await sign_up(visit)

    @post("/login", status_code=200, operation_id="logIn", opt={"body": LogIn, "answer": MeView})
    async def log_in(self, visit: NamedDependency[Visit]) -> Response[bytes]:
        return await signing_in.log_in(visit)

    @post(
        "/password-resets",
        status_code=202,
        operation_id="askForPasswordReset",
        opt={"body": ResetRequest, "answer": Done},
    )
    async def ask_reset(self, visit: NamedDependency[Visit]) -> Response[bytes]:
        return await resets.ask(visit)

    @post(
        "/password-resets/confirm",
        status_code=200,
        operation_id="resetPassword",
        opt={"body": ResetConfirm, "answer": Done},
    )
    async def reset(self, visit: NamedDependency[Visit]) -> Response[bytes]:
        return await resets.confirm(visit)

    @post(
        "/invitations/accept",
        status_code=200,
        operation_id="acceptInvitation",
        opt={"body": InvitationAccept, "answer": Accepted},
    )
    async def accept(self, visit: NamedDependency[Visit]) -> Response[bytes]:
        return await accept(visit)


class MeController(Controller):
    """/v1/me and /v1/logout: of a session's own person."""

    path = "/v1"
    opt = taking(OWN)

    @post("/logout", status_code=200, operation_id="logOut", opt={"answer": Done})
    async def log_out(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await signing_in.log_out(account)

    @get("/me", operation_id="getMe", opt={"answer": MeView})
    async def me(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await signing_in.show_me(account)

    @get("/me/sessions", operation_id="listSessions", opt={"answer": ListBody[SessionView]})
    async def list_sessions(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await sessions.list_own(account)

    @delete("/me/sessions/{session_id:str}", status_code=200, operation_id="endSession")
    async def end_session(self, account: NamedDependency[AccountCall], session_id: FromPath[str]) -> Response[bytes]:
        return await sessions.end_own(account, session_id)

    @post("/me/email-confirmation", status_code=202, operation_id="askForEmailConfirmation", opt={"answer": Done})
    async def ask_confirmation(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await confirming.ask(account)

    @post(
        "/me/email-confirmation/confirm",
        status_code=200,
        operation_id="confirmEmail",
        opt={"body": EmailConfirm, "answer": MeView},
    )
    async def confirm_email(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await confirming.confirm(account)

    @post(
        "/me/password", status_code=200, operation_id="changePassword", opt={"body": PasswordChange, "answer": MeView}
    )
    async def change_password(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await signing_in.change_password(account)

    @post("/me/totp", status_code=200, operation_id="beginTotp", opt={"answer": TotpBegun})
    async def begin_totp(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await second_factor.begin(account)

    @post(
        "/me/totp/confirm", status_code=200, operation_id="confirmTotp", opt={"body": TotpCode, "answer": TotpConfirmed}
    )
    async def confirm_totp(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await second_factor.confirm(account)

    @delete("/me/totp", status_code=200, operation_id="removeTotp", opt={"body": TotpCode, "answer": Done})
    async def remove_totp(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await second_factor.remove(account)
