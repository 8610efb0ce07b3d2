"""Referral programs as an admin states them and PostgreSQL stores them, and who is who.

Must never keep a person's data: identities are compared and stored as commitments.
"""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec

RewardType = Literal["voucher", "gift_card", "points"]
Side = Literal["referrer", "referee"]
SIDES: tuple[Side, ...] = ("referrer", "referee")

EMAIL = "email"
"""The identity that every program compares; the others are those that it declares."""
MOST_IDENTITY_KEYS = 8
MOST_IDENTITY_CHARS = 320
COMMITMENT_BYTES = 16

_GMAIL = ("gmail.com", "googlemail.com")


class Reward(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What one side is given: a voucher of a campaign, a gift card of its own with this amount, or points on the card
    that the customer has, or gets, in a loyalty program."""

    type: RewardType
    campaign_id: str | None = None
    amount_minor: int = 0
    program_id: str | None = None
    points: int = 0


class ReferralProgram(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a referral program says beside a campaign's rules, as its jsonb column holds it."""

    identity_keys: tuple[str, ...] = ()
    referrer_reward: Reward | None = None
    referee_reward: Reward | None = None


class Facts(msgspec.Struct, frozen=True):
    """What is known of two customers, one of whom would be referred by the other. `shares_identity`: they are one
    person by an identity. `is_referred`: the customer, or one with an identity in common, has been referred already.
    `is_ring`: the customer, or one with an identity in common, has referred the referrer, perhaps through others."""

    referrer_id: str
    referee_id: str | None
    shares_identity: bool = False
    is_referred: bool = False
    is_ring: bool = False


def referral_program(stored: dict[str, Any]) -> ReferralProgram:
    """The program of a campaign's row."""
    return msgspec.convert(stored, ReferralProgram)


def standing(facts: Facts) -> str | None:
    """The outcome code where the one cannot refer the other."""
    if facts.referee_id is None:
        return "customer_required"
    if facts.referee_id == facts.referrer_id or facts.shares_identity:
        return "self_referral"
    if facts.is_ring:
        return "referral_ring"
    return "already_referred" if facts.is_referred else None


def normalise_email(text: str) -> str:
    """One spelling of a mailbox: case, what follows a plus, and at Gmail the dots do not tell two apart. What is no
    address is only trimmed and folded."""
    folded = _folded(text)
    local, at, domain = folded.rpartition("@")
    if not at:
        return folded
    domain = domain.rstrip(".")
    if domain in _GMAIL:
        domain = _GMAIL[0]
        local = local.replace(".", "") or local
    return f"{local.partition('+')[0] or local}@{domain}"


def _folded(text: str) -> str:
    """Without blanks, in one case and one form of Unicode; folded until it stays as it is."""
    folded = "".join(text.split())
    for _ in range(3):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
        folded = "".join(folded.split())
    return folded


def commitment(secret: bytes, project_id: str, key: str, value: str) -> bytes:
    """Sixteen bytes that are the same for the same identity of a project, and tell nobody without the secret what it
    is."""
    spelled = normalise_email(value) if key == EMAIL else value.strip()
    digest = blake2b(digest_size=COMMITMENT_BYTES, key=blake2b(secret).digest(), person=b"vf-identity")
    for part in (project_id, key, spelled):
        raw = part.encode()
        digest.update(len(raw).to_bytes(4) + raw)
    return digest.digest()


def commitments(
    secret: bytes, project_id: str, keys: tuple[str, ...], stated: Mapping[str, str]
) -> tuple[tuple[str, bytes], ...]:
    """Key and commitment of each identity among those stated that a program compares: the e-mail, and its own keys.
    An empty one says nothing."""
    compared = dict.fromkeys((EMAIL, *keys))
    named = [(key, stated[key]) for key in sorted(compared) if stated.get(key, "").strip()]
    return tuple((key, commitment(secret, project_id, key, value)) for key, value in named)
