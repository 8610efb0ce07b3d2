"""Referral programs as an admin states them and PostgreSQL stores them, and who is who.

Must never keep a person's data: identities are compared and stored as commitments.
"""

from typing import Any

import msgspec


class ReferralProgram(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a referral program says beside a campaign's rules, as its jsonb column holds it."""

    identity_keys: tuple[str, ...] = ()


def referral_program(stored: dict[str, Any]) -> ReferralProgram:
    """The program of a campaign's row."""
    return msgspec.convert(stored, ReferralProgram)
