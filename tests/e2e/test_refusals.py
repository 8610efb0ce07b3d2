"""G7: every code of the catalogue, provoked over HTTP on the running stack and answered as the catalogue says."""

from collections.abc import AsyncIterator

import httpx
import pytest

from domain.outcomes import PROBLEMS
from store.database import owner_connection
from tests.servers.stack import RunningStack

from . import provoked_cards, provoked_checkouts, provoked_loyalty, provoked_people, provoked_planes, provoked_referrals
from .provoking import PROVOCATIONS, Shop, assert_refused
from .test_refusals_in_need import IN_NEED

_REGISTERED = (
    provoked_cards,
    provoked_checkouts,
    provoked_loyalty,
    provoked_people,
    provoked_planes,
    provoked_referrals,
)


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The demo project of the session's stack."""
    state = stack.state
    keys = state.secret_key, state.publishable_key, state.admin_key
    async with (
        httpx.AsyncClient(base_url=state.api_url, timeout=30) as http,
        owner_connection(state.database_url, "tests") as owner,
    ):
        yield Shop(http, stack, keys, owner)


def test_g7_every_code_of_the_catalogue_is_provoked() -> None:
    assert _REGISTERED
    assert set(PROVOCATIONS) | IN_NEED == set(PROBLEMS)
    assert not set(PROVOCATIONS) & IN_NEED


@pytest.mark.parametrize("code", sorted(PROVOCATIONS))
async def test_g7_a_refusal_is_answered_as_the_catalogue_says(shop: Shop, code: str) -> None:
    provocation = PROVOCATIONS[code]
    answer = await provocation.provoke(shop)
    if not provocation.of_part:
        assert_refused(answer, code, *provocation.pointers)
        return
    # What becomes of one redeemable; the whole may be granted, or refused for another one.
    body = answer.json()
    parts = body["redeemables"] if "redeemables" in body else body["redemptions"] + body["inapplicable"]
    assert code in [part.get("code") for part in parts], body
