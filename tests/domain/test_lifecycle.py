"""Lifecycles: what becomes of a campaign by which action, and what is said of it at which time."""

from typing import get_args

import pytest

from domain.definitions import Campaign, Discount, Redeemable
from domain.lifecycle import CampaignAction, CampaignStatus, ShownStatus, after_action, barred_of, shown_status
from domain.matching import need_of
from domain.problems import Refused
from domain.rules import CampaignRow, Rules, VoucherRow, campaign_definition, voucher_definition
from domain.taking import plan_of

ACTIONS: tuple[CampaignAction, ...] = get_args(CampaignAction)
STATUSES: tuple[CampaignStatus, ...] = get_args(CampaignStatus)
ALLOWED: dict[tuple[str, str], str] = {
    ("draft", "activate"): "active",
    ("active", "pause"): "paused",
    ("paused", "resume"): "active",
    ("ended", "resume"): "active",
    ("active", "end"): "ended",
    ("paused", "end"): "ended",
    ("archived", "restore"): "paused",
    **{(status, "archive"): "archived" for status in STATUSES},
    # What it is already, it may be made again.
    ("active", "activate"): "active",
    ("active", "resume"): "active",
    ("paused", "pause"): "paused",
    ("paused", "restore"): "paused",
    ("ended", "end"): "ended",
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_does_what_the_table_says_and_nothing_else(status: CampaignStatus, action: CampaignAction) -> None:
    wanted = ALLOWED.get((status, action))
    if wanted is not None:
        assert after_action(status, action) == wanted
        return
    with pytest.raises(Refused) as refused:
        after_action(status, action)
    assert refused.value.code == "transition_not_allowed"


@pytest.mark.parametrize(
    ("status", "starts_ms", "expires_ms", "shown"),
    [
        ("active", None, None, "active"),
        ("active", 101, None, "scheduled"),
        ("active", 100, 101, "active"),
        ("active", 50, 100, "ended"),
        ("paused", 101, None, "paused"),
        ("paused", None, 100, "ended"),
        ("draft", 101, 200, "draft"),
        ("draft", 1, 100, "draft"),
        ("ended", 101, 200, "ended"),
        ("archived", 1, 100, "archived"),
    ],
)
def test_scheduled_and_ended_follow_from_the_clock(
    status: CampaignStatus, starts_ms: int | None, expires_ms: int | None, shown: ShownStatus
) -> None:
    assert shown_status(status, starts_ms, expires_ms, 100) == shown


def _campaign(status: str) -> Campaign:
    return campaign_definition(CampaignRow("cmp_1", "prj", 1, status, Rules("AMOUNT", 500), 0))


@pytest.mark.parametrize("status", STATUSES)
def test_g6_of_a_campaign_that_is_not_active_nothing_is_granted_nor_offered(status: str) -> None:
    tier = Redeemable("tier_1", "prj", "tier_1", 1, False, "cmp_1", object="promotion_tier")
    refusals = {"active": None, "paused": "campaign_paused"}
    campaign = _campaign(status)
    assert plan_of(tier, campaign).barred == refusals.get(status, "campaign_not_active")
    assert (need_of(tier, campaign, ()) is None) == (status != "active")
    # A release that does not know of it finds it paused.
    assert campaign.paused == (status != "active")
    assert barred_of(status) == (None if status in refusals else "campaign_not_active")


def test_what_is_archived_is_disabled_for_a_release_that_does_not_know_of_it() -> None:
    row = VoucherRow("vch_1", "prj", "X", None, 2, "archived", Rules("AMOUNT", 500), 0)
    voucher = voucher_definition(row)
    assert (voucher.disabled, voucher.is_archived, voucher.discount) == (True, True, Discount("AMOUNT", 500))
