"""The second factor: time-based codes (RFC 6238), each taken once, and recovery codes for whoever loses their phone.

The secret is sealed under VAUCHFLOW_SECRET; of recovery codes only hashes are kept.
"""

import hmac
import os
import secrets
from typing import Any

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from litestar import Response

from control_plane import attempts
from control_plane.audit import record_own
from control_plane.auth import Principal
from control_plane.bodies import NoBody
from control_plane.calls import AccountCall
from control_plane.clock import now_ms
from control_plane.effects import answer
from control_plane.people.schemas import Done, TotpBegun, TotpCode, TotpConfirmed
from control_plane.people.sessions import account_ids
from domain.ids import CODE_ALPHABET
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

STEP_S = 30
ISSUER = "Vauchflow"
RECOVERY_CODES = 10
_RECOVERY_LENGTH = 16  # of 32 letters: 80 bits
_NONCE_BYTES = 12

_LOCK = query("control_lock_person")
_BEGIN = query("control_begin_totp")
_CONFIRM = query("control_confirm_totp")
_TAKE = query("control_take_totp")
_TAKE_RECOVERY = query("control_take_recovery_code")
_REMOVE = query("control_remove_totp")


async def begin(call: AccountCall) -> Response[bytes]:
    """POST /v1/me/totp; it counts once it is confirmed."""
    call.body(NoBody)
    call.errors.raise_if_any()
    who, secret = call.principal, pyotp.random_base32()
    async with call.context.database.person_tx(who.person_id) as tx:
        person = await tx.fetchrow(_LOCK, who.person_id)
        assert person is not None
        if person["totp_confirmed_at"] is not None:
            raise Refused("totp_active")
        await tx.execute(_BEGIN, who.person_id, _seal(call.context.secret, who.person_id, secret))
    uri = pyotp.TOTP(secret).provisioning_uri(name=person["email"], issuer_name=ISSUER)
    return answer(200, TotpBegun(secret, uri))


async def confirm(call: AccountCall) -> Response[bytes]:
    """POST /v1/me/totp/confirm"""
    body = _code(call)
    who = await _counted(call)
    async with call.context.database.person_tx(who.person_id, who.account_id) as tx:
        person = await tx.fetchrow(_LOCK, who.person_id)
        assert person is not None
        if person["totp_confirmed_at"] is not None:
            raise Refused("totp_active")
        if person["totp_secret"] is None:
            raise Refused("totp_inactive")
        step = _step_of(call.context.secret, person, body.code)
        if step is None:
            raise Refused("invalid_credentials")
        codes = ["".join(secrets.choice(CODE_ALPHABET) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
        hashes = [_recovery_hash(call.context.secret, code) for code in codes]
        await tx.execute(_CONFIRM, who.person_id, step, hashes)
        await record_own(tx, await account_ids(tx, who.person_id), "add_totp")
    return answer(200, TotpConfirmed(codes))


async def remove(call: AccountCall) -> Response[bytes]:
    """DELETE /v1/me/totp; takes a code, so that a session left open is not enough."""
    body = _code(call)
    who = await _counted(call)
    async with call.context.database.person_tx(who.person_id, who.account_id) as tx:
        person = await tx.fetchrow(_LOCK, who.person_id)
        assert person is not None
        if person["totp_confirmed_at"] is None:
            raise Refused("totp_inactive")
        if not await take_code(tx, call.context.secret, person, body.code):
            raise Refused("invalid_credentials")
        await tx.execute(_REMOVE, who.person_id)
        await record_own(tx, await account_ids(tx, who.person_id), "remove_totp")
    return answer(200, Done())


async def take_code(tx: Transaction, secret: bytes, person: Any, code: str) -> bool:
    """Whether this is a code of the person, whose row is locked; it is none from now on."""
    step = _step_of(secret, person, code)
    if step is not None:
        await tx.execute(_TAKE, person["id"], step)
        return True
    hashed = _recovery_hash(secret, code)
    if hashed not in person["recovery_hashes"]:
        return False
    await tx.execute(_TAKE_RECOVERY, person["id"], hashed)
    return True


def _code(call: AccountCall) -> TotpCode:
    body = call.body(TotpCode)
    call.errors.raise_if_any()
    return body


async def _counted(call: AccountCall) -> Principal:
    """Who tries a code; Refused where they have tried too many."""
    await attempts.count(call.context, "totp", call.principal.person_id, call.client)
    return call.principal


def _step_of(secret: bytes, person: Any, code: str) -> int | None:
    """The interval that the code is of, this one or a neighbour, if it is later than that of the last code taken."""
    totp = pyotp.TOTP(_open(secret, person["id"], person["totp_secret"]))
    now = now_ms() // 1000 // STEP_S
    for step in (now - 1, now, now + 1):
        if step > person["totp_step"] and hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _recovery_hash(secret: bytes, code: str) -> bytes:
    spelled = code.upper().replace("-", "").replace(" ", "")
    return hmac.digest(secret, f"vauchflow recovery code {spelled}".encode(), "sha256")


def _seal(secret: bytes, person_id: str, text: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(secret).encrypt(nonce, text.encode(), person_id.encode())


def _open(secret: bytes, person_id: str, sealed: bytes) -> str:
    """The secret as it was; Refused where VAUCHFLOW_SECRET is another one by now."""
    try:
        return _cipher(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], person_id.encode()).decode()
    except InvalidTag as error:
        raise Refused("invalid_credentials", "The second factor cannot be read: the secret has changed.") from error


def _cipher(secret: bytes) -> AESGCM:
    return AESGCM(hmac.digest(secret, b"vauchflow totp", "sha256"))
