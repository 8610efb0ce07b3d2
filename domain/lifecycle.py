"""The life of a campaign, whatever its type: what it may become from what it is, and how its status is shown.

Stored are draft, active, paused, ended and archived; that it is scheduled, or has ended because its time is over, is
told by the clock. Must never read one: the time is an argument.
"""

from typing import Literal, get_args

from .problems import Refused

CampaignStatus = Literal["draft", "active", "paused", "ended", "archived"]
ShownStatus = Literal["draft", "scheduled", "active", "paused", "ended", "archived"]
CampaignAction = Literal["activate", "pause", "resume", "end", "archive", "restore"]

SHOWN: tuple[str, ...] = get_args(ShownStatus)
ARCHIVED = "archived"

_TRANSITIONS: dict[CampaignAction, tuple[CampaignStatus, tuple[CampaignStatus, ...]]] = {
    "activate": ("active", ("draft",)),
    "pause": ("paused", ("active",)),
    "resume": ("active", ("paused", "ended")),
    "end": ("ended", ("active", "paused")),
    "archive": ("archived", ("draft", "active", "paused", "ended")),
    # Whatever it was before: nothing of it is sold until it is resumed.
    "restore": ("paused", ("archived",)),
}
"""What each action makes of which statuses. One that it has already is not changed, and not refused."""


def after_action(status: CampaignStatus, action: CampaignAction) -> CampaignStatus:
    """What the action makes of the status; Refused where it does not go with it."""
    made, of = _TRANSITIONS[action]
    if status != made and status not in of:
        allowed = ", ".join(name for name, (_, statuses) in _TRANSITIONS.items() if status in statuses)
        raise Refused("transition_not_allowed", f"What is {status} takes {allowed}; not {action}.")
    return made


def shown_status(status: CampaignStatus, starts_ms: int | None, expires_ms: int | None, now_ms: int) -> ShownStatus:
    """The status at a time, as people are told it."""
    if status in ("active", "paused") and expires_ms is not None and expires_ms <= now_ms:
        return "ended"
    if status == "active" and starts_ms is not None and starts_ms > now_ms:
        return "scheduled"
    return status


def barred_of(status: str) -> str | None:
    """The outcome code of redemptions, where the campaign is neither active nor paused."""
    return None if status in ("active", "paused") else "campaign_not_active"
