"""Who may ask what, as control_plane/rights.py has it: the one table that the walk holds every operation to.

Must never know an operation by name: the document says what each takes.
"""

from dataclasses import dataclass, replace
from typing import Literal

from control_plane.rights import OF_KEYS, OF_ROLES, OWN, PUBLIC
from tests.control_plane.client import Client, created, ok

from .guests import Guest, bearer, in_project
from .touring import Place

_SAFE = ("GET", "HEAD")
REFUSALS = {
    "invalid_api_key", "invalid_session", "csrf_failed", "session_required", "right_missing", "admin_key_required",
    "secret_key_required", "publishable_key", "account_suspended",
}  # fmt: skip
"""Codes that refuse whoever asks, whatever it is that they ask for."""


@dataclass(frozen=True)
class Who:
    """Somebody who asks. `dead`: the code by which whatever they have is refused; `project`: whose data they name."""

    name: str
    headers: dict[str, str]
    kind: Literal["nobody", "key", "session"]
    rights: frozenset[str] = frozenset()
    type: str = ""
    is_scoped: bool = False
    dead: str = ""
    has_csrf: bool = True
    project: Literal["own", "unnamed", "not theirs"] = "own"

    def verdict(self, place: Place) -> str | None:
        """The code that an operation refuses them with; None where it does not."""
        if place.right == PUBLIC:
            return None
        if place.said["x-plane"] == "engine":
            return self._at_the_engine(place.right)
        if self.kind == "nobody" or self.dead:
            return self.dead or "invalid_api_key"
        if self.type == "PUBLISHABLE":
            return "publishable_key"
        if self.kind == "session" and not self.has_csrf and place.method not in _SAFE:
            return "csrf_failed"
        if place.right == OWN:
            return None if self.kind == "session" else "session_required"
        if place.right not in self.rights:
            is_admins = self.type == "SECRET" and not self.is_scoped and place.right in OF_KEYS["ADMIN"]
            return "admin_key_required" if is_admins else "right_missing"
        if not place.takes_project or self.project == "own":
            return None
        return "secret_key_required" if self.project == "unnamed" else "project_not_found"

    def _at_the_engine(self, right: str) -> str | None:
        """It takes a project's key, and nothing else."""
        if self.kind != "key" or self.dead:
            return "invalid_api_key"
        if self.type == "ADMIN":
            return "secret_key_required"
        if right in self.rights:
            return None
        return "right_missing" if self.is_scoped else "publishable_key"


def key(name: str, key_: str, type_: str, scopes: tuple[str, ...] = (), project_id: str = "") -> Who:
    """Somebody with a key, for a project where it is the account's."""
    rights = OF_KEYS[type_] & frozenset(scopes) if scopes else OF_KEYS[type_]
    headers = in_project(bearer(key_), project_id) if project_id else bearer(key_)
    return Who(name, headers, "key", rights, type_, is_scoped=bool(scopes))


def session(name: str, headers: dict[str, str], role: str, project_id: str) -> Who:
    """A member with a session."""
    return Who(name, in_project(headers, project_id), "session", OF_ROLES[role])


async def keys_of(guest: Guest) -> list[Who]:
    """Each type of key, confined ones, and what becomes of keys."""
    ours = guest.project_id
    secret, admin = Client(guest.http, guest.secret_key), Client(guest.http, guest.admin_key)
    reader = created(await secret.post("/v1/api-keys", {"scopes": ["vouchers:read"]}))["key"]
    auditor = created(await admin.post("/v1/api-keys", {"type": "ADMIN", "scopes": ["audit_log:read"]}))["key"]
    old, expired, revoked = [created(await secret.post("/v1/api-keys")) for _ in range(3)]
    new = created(await secret.post(f"/v1/api-keys/{old['id']}/rotate", {"grace_s": 3600}))
    created(await secret.post(f"/v1/api-keys/{expired['id']}/rotate"))
    ok(await secret.delete(f"/v1/api-keys/{revoked['id']}"))
    dead = {"an expired key": expired["key"], "a revoked key": revoked["key"], "what looks like a key": "vf_sk_x"}
    found = [
        Who("nobody", {}, "nobody"),
        key("a secret key", guest.secret_key, "SECRET"),
        key("a publishable key", guest.publishable_key, "PUBLISHABLE"),
        key("an admin key", guest.admin_key, "ADMIN", project_id=ours),
        replace(key("an admin key without a project", guest.admin_key, "ADMIN"), project="unnamed"),
        key("a key that may look at vouchers", reader, "SECRET", ("vouchers:read",)),
        key("an admin key that may look at the log", auditor, "ADMIN", ("audit_log:read",), ours),
        key("a key that is being rotated", old["key"], "SECRET"),
        key("the key that comes after it", new["key"], "SECRET"),
    ]
    return found + [replace(key(name, each, "SECRET"), dead="invalid_api_key") for name, each in dead.items()]


async def members_of(guest: Guest) -> list[Who]:
    """Each role, and what becomes of sessions."""
    ours = guest.project_id
    people = {"owner": guest.owner} | {role: await guest.member(role) for role in ("admin", "manager", "analyst")}
    found = [session(f"the {role}", person.headers, role, ours) for role, person in people.items()]
    forged = {**people["manager"].headers, "Vauchflow-CSRF": guest.owner.csrf}
    analyst = people["analyst"].headers
    confined = await guest.member("analyst", project_ids=[guest.twin_id])
    ended, removed = await guest.log_in_again(), await guest.member("admin")
    ok(await ended.post("/v1/logout"))
    ok(await guest.owner("DELETE", f"/v1/members/{removed.member_id}"))
    return [
        *found,
        replace(session("a page that is not ours", forged, "manager", ours), has_csrf=False),
        Who("an analyst without a project", analyst, "session", OF_ROLES["analyst"], project="unnamed"),
        replace(session("an analyst of another project", confined.headers, "analyst", ours), project="not theirs"),
        replace(session("an owner who has logged out", ended.headers, "owner", ours), dead="invalid_session"),
        replace(session("an admin who was removed", removed.headers, "admin", ours), dead="invalid_session"),
    ]


def those_who_name(guest: Guest, stranger: Guest) -> list[Who]:
    """Others, who name the guest's project as theirs."""
    ours = guest.project_id
    found = [
        key("a stranger's secret key for our project", stranger.secret_key, "SECRET", project_id=ours),
        key("a stranger's admin key for our project", stranger.admin_key, "ADMIN", project_id=ours),
        key("our other project's key for this one", guest.twin_key, "SECRET", project_id=ours),
        session("a stranger for our project", stranger.owner.headers, "owner", ours),
    ]
    return [replace(who, project="not theirs") for who in found]


async def others(guest: Guest, stranger: Guest) -> list[Who]:
    """Those who may do all that they want with their own, and know the ids of what is the guest's."""
    confined = await guest.member("manager", project_ids=[guest.twin_id])
    return [
        key("a stranger's secret key", stranger.secret_key, "SECRET"),
        key("a stranger's admin key", stranger.admin_key, "ADMIN", project_id=stranger.project_id),
        session("a stranger", stranger.owner.headers, "owner", stranger.project_id),
        key("our other project's key", guest.twin_key, "SECRET"),
        session("a manager of another project", confined.headers, "manager", guest.twin_id),
    ]
