"""What a body says of a card beside its code: its amount, when it can be spent, whether it is active."""

from datetime import UTC
from typing import Any

import msgspec
from msgspec import UnsetType

from control_plane.amounts import read_amount
from control_plane.campaigns.storing import StoredCampaign
from control_plane.gift_cards.schemas import CardTerms
from control_plane.problems import Errors
from control_plane.rules import times
from domain.problems import FieldError, Refused


class Terms(msgspec.Struct, frozen=True):
    """The terms of a new card; `amount_minor` None: what its campaign says."""

    amount_minor: int | None
    starts_ms: int | None
    expires_ms: int | None
    status: str
    category: str | None


def read_terms(body: CardTerms, decimals: int, errors: Errors) -> Terms:
    """The terms of a body; of no use if errors were noted."""
    starts_ms = read_time(body.starts_at, "/starts_at", errors)
    expires_ms = read_time(body.expires_at, "/expires_at", errors)
    check_span(starts_ms, expires_ms, "/expires_at", errors)
    return Terms(
        read_amount(body.amount, "/amount", decimals, errors),
        starts_ms,
        expires_ms,
        "inactive" if body.active is False else "active",
        body.category if isinstance(body.category, str) else None,
    )


def read_time(given: Any, pointer: str, errors: Errors) -> int | None:
    """A time in Unix milliseconds, in UTC unless it says otherwise; None for none, or one that is noted as a fault."""
    if given is None or isinstance(given, UnsetType):
        return None
    try:
        return times.parse_ms(given, UTC)
    except ValueError as error:
        errors.add(pointer, str(error))
        return None


def check_span(starts_ms: int | None, expires_ms: int | None, pointer: str, errors: Errors) -> None:
    """Note an end that is not after the beginning."""
    if starts_ms is not None and expires_ms is not None and expires_ms <= starts_ms:
        errors.add(pointer, "the end must be after the beginning")


def amount_of(terms: Terms, campaign: StoredCampaign | None) -> int:
    """What is put on the card; Refused where neither the body nor the campaign says it."""
    amount_minor = terms.amount_minor
    if amount_minor is None and campaign is not None:
        amount_minor = campaign.card_amount_minor
    if amount_minor is None:
        detail = "is required where no campaign has a card_amount"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/amount"),))
    return amount_minor
