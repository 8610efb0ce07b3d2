"""One redemption as the hot path meets it, from the stored rows to the answer."""

import itertools

import msgspec

from domain.decisions import Decision, Request, decide
from domain.definitions import UNLIMITED, Campaign, ProjectSettings, Redeemable
from domain.events import Redeemed, encode
from domain.ids import redemption_id
from domain.ledger import Item, Mode
from domain.rules import CampaignRow, Rules, VoucherRow, campaign_definition, voucher_definition

NOW_MS = 1_795_000_000_000
BODY = b'{"customer_id":"cust_0123456789","order_value":89.99}'
_PROJECT = "prj_01KA0000000000000000000000"
SETTINGS = ProjectSettings(_PROJECT)
_CAMPAIGN = "cmp_01KA0000000000000000000000"
_VOUCHER = "vch_01KA0000000000000000000000"
_FINGERPRINT = bytes(16)


class Subject(msgspec.Struct, frozen=True):
    """Rows, definitions, decision and event of one request."""

    project_id: str
    campaign_row: CampaignRow
    voucher_row: VoucherRow
    campaign: Campaign
    voucher: Redeemable
    request: Request
    decision: Decision
    event: Redeemed

    def items(self, count: int, numbers: "itertools.count[int]") -> list[Item]:
        """A batch of redemptions, each with an id that was never used. The exposure window is left open, because no
        reconciler confirms here."""
        moves = tuple(msgspec.structs.replace(move, window=UNLIMITED) for move in self.decision.moves)
        batch = []
        for _ in range(count):
            event_id = redemption_id(_PROJECT, "redeem", f"key-{next(numbers)}")
            event = msgspec.structs.replace(self.event, id=event_id)
            item = Item(Mode.COMMIT, event_id, _FINGERPRINT, encode(event), 0, 0, self.decision.checks, (), moves)
            batch.append(item)
        return batch


def make_subject() -> Subject:
    """A code of a campaign with 20 % off and no limit."""
    campaign_row = CampaignRow(
        _CAMPAIGN, _PROJECT, 1, "active", Rules(discount_type="PERCENT", discount_value=200_000), 0
    )
    voucher_row = VoucherRow(_VOUCHER, _PROJECT, "FLASH", _CAMPAIGN, 1, "active", Rules(), 0)
    campaign, voucher = campaign_definition(campaign_row), voucher_definition(voucher_row)
    request = Request("cust_0123456789", 8999)
    decision = decide(voucher, campaign, request, SETTINGS, NOW_MS, 1)
    event = Redeemed(
        id=redemption_id(_PROJECT, "redeem", "key"),
        account_id="acc_01KA0000000000000000000000",
        project_id=_PROJECT,
        fingerprint=_FINGERPRINT,
        idempotency_key="key",
        customer_id=request.customer_id,
        currency="EUR",
        decimals=2,
        order_value_minor=request.order_value_minor,
        discount_minor=decision.discount_minor,
        committed=False,
        lines=decision.lines,
    )
    return Subject(_PROJECT, campaign_row, voucher_row, campaign, voucher, request, decision, event)
