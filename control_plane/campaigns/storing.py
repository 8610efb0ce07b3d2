"""A campaign's row: read, shown, and handed to the domain."""

from datetime import datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.campaigns.schemas import CampaignRulesView, CampaignView, OwnType
from control_plane.clock import now_ms
from control_plane.rules.schemas import Used
from control_plane.rules.showing import shown_rules
from control_plane.rules.times import show_time
from domain.ids import is_id
from domain.lifecycle import ARCHIVED, CampaignStatus, ShownStatus, shown_status
from domain.money import to_major
from domain.problems import FieldError, Refused
from domain.rules import CampaignRow, Limit, Rules, campaign_limits
from store.database import Transaction
from store.queries import query

_GET = query("control_campaign")
_LOCK = query("control_lock_campaign")
_JOIN = query("control_join_campaign")


class StoredCampaign(msgspec.Struct, frozen=True):
    """A campaign's row with what the ledger has counted."""

    id: str
    name: str
    type: str
    status: CampaignStatus
    version: int
    rules: Rules
    metadata: str
    counts_customers_since: int
    program: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    used: int

    @property
    def card_amount_minor(self) -> int | None:
        """What its gift cards are worth unless they say otherwise."""
        return self.program.get("card_amount_minor")

    @property
    def auto_issue(self) -> bool:
        """Whether a code is made where none is left to give."""
        return bool(self.program.get("auto_issue"))

    @property
    def shown_status(self) -> ShownStatus:
        """Its status as of now."""
        return shown_status(self.status, self.rules.starts_ms, self.rules.expires_ms, now_ms())

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return {"name": self.name, "status": self.status, "version": self.version, "rules": self.rules, **self.program}


def campaign_from_row(row: Any) -> StoredCampaign:
    """The campaign of a row."""
    return msgspec.convert(dict(row), StoredCampaign)


async def load_campaign(tx: Transaction, project_id: str, campaign_id: str, lock: bool = False) -> StoredCampaign:
    """The project's campaign; Refused where it has none of this id."""
    row = None
    if is_id("cmp", campaign_id):
        row = await tx.fetchrow(_LOCK if lock else _GET, project_id, campaign_id)
    if row is None:
        raise Refused("campaign_not_found")
    return campaign_from_row(row)


async def load_campaign_of(tx: Transaction, project_id: str, campaign_id: str, type_: OwnType) -> StoredCampaign:
    """The project's campaign, for something new in it: Refused where it is of another type, or archived. It becomes
    nothing else until the transaction is over."""
    row = await tx.fetchrow(_JOIN, project_id, campaign_id) if is_id("cmp", campaign_id) else None
    if row is None:
        raise Refused("campaign_not_found")
    campaign = campaign_from_row(row)
    if campaign.type != type_:
        detail = f"this campaign is of type {campaign.type}, not {type_}"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/campaign_id"),))
    if campaign.status == ARCHIVED:
        raise Refused("archived", errors=(FieldError("nothing new comes into it", pointer="/campaign_id"),))
    return campaign


async def is_archived(tx: Transaction, project_id: str, campaign_id: str) -> bool:
    """Whether nothing new comes into the campaign any more; it becomes nothing else until the transaction is over."""
    row = await tx.fetchrow(_JOIN, project_id, campaign_id)
    return row is None or row["status"] == ARCHIVED


def limits_of(campaign: StoredCampaign, project_id: str) -> tuple[Limit, ...]:
    """The limits that the campaign sets."""
    return campaign_limits(
        CampaignRow(
            campaign.id,
            project_id,
            campaign.version,
            campaign.status,
            campaign.rules,
            campaign.counts_customers_since,
        )
    )


def show_campaign(campaign: StoredCampaign, tenant: Tenant) -> CampaignView:
    """The campaign as the API shows it."""
    rules, metadata = campaign.rules, msgspec.Raw(campaign.metadata.encode())
    card_amount = campaign.card_amount_minor
    return CampaignView(
        id=campaign.id,
        object="campaign",
        name=campaign.name,
        type=campaign.type,
        status=campaign.shown_status,
        rules=CampaignRulesView(
            **shown_rules(rules, tenant.decimals),
            max_redemptions_per_code=rules.max_redemptions_per_code,
            eligible_segments=rules.eligible_segments,
            metadata=metadata,
        ),
        card_amount=None if card_amount is None else to_major(card_amount, tenant.decimals),
        auto_issue=campaign.auto_issue,
        metadata=metadata,
        redemptions=Used(campaign.used, rules.max_redemptions),
        version=campaign.version,
        created_at=show_time(campaign.created_at),
        updated_at=show_time(campaign.updated_at),
    )
