"""What a tenant of a run sells. Must never sell anything itself."""

from tests.chaos.admin import Admin
from tests.chaos.baskets import ROOM, SEAT, SETS
from tests.chaos.facts import Stores
from tests.chaos.history import Card
from tests.chaos.shop import Goods


def _share(number: int, minutes: float) -> int:
    return max(20, int(number * min(minutes, 2.0)))


async def goods_of(admin: Admin, stores: Stores, minutes: float) -> list[Goods]:
    """What is bought by one code: small campaigns that sell out within a minute, and two that never do."""
    flash = await admin.make("FLASH", max_redemptions=_share(900, minutes), max_redemptions_per_customer=2)
    gold = await admin.make("GOLD", max_redemptions=_share(300, minutes), durability="committed")
    moving = await admin.make("MOVE", max_redemptions=_share(500, minutes))
    bulk = await admin.make(None, codes=300, max_redemptions_per_code=1)
    club = await admin.make("CLUB", max_redemptions_per_customer=3)
    ever = await admin.make("EVER", max_redemptions=1_000_000)
    return [
        Goods(flash, ["FLASH"], 8, may_sell_out=True),
        Goods(gold, ["GOLD"], 3, may_sell_out=True),
        Goods(moving, ["MOVE"], 5, may_sell_out=True),
        Goods(bulk, await stores.codes(bulk.campaign_id), 3, may_sell_out=False),
        Goods(club, ["CLUB"], 3, may_sell_out=False),
        Goods(ever, ["EVER"], 3, may_sell_out=False),
    ]


async def sets_of(admin: Admin, minutes: float) -> list[Goods]:
    """What is bought in stacks and held. Limits of two of them change; that of the seats stands, so that what is held
    is all that comes and goes there."""
    seta, setb, setc1, setc2, setg = SETS
    made = [
        (await admin.make_set(seta, max_redemptions=_share(300, minutes)), True),
        (await admin.make_set(setb, discount_type="PERCENT", discount_value=10, max_redemptions_per_customer=3), False),
        (await admin.make_set(setc1, setc2, discount_value=3, max_redemptions=_share(250, minutes)), True),
        (await admin.make_set(setg, discount_value=1, durability="committed"), False),
        (await admin.make_set(SEAT, max_redemptions=_share(36, minutes)), False),
        (await admin.make_set(ROOM), False),
    ]
    return [Goods(offer, list(offer.codes), 0, may_sell_out) for offer, may_sell_out in made]


GIFT_CARDS = 3
CARD_MINOR = 5_000
LOYALTY_CARDS = 3
CLUB = {"earning_rules": [{"event": "order.paid", "points": 10, "per": 1}], "spending": {"points": 100, "amount": 1}}


async def cards_of(admin: Admin) -> list[Card]:
    """What is spent of: gift cards with little on them, loyalty cards, each in a program of its own; and a promotion
    tier that goes beside them."""
    gift_cards = [await admin.make_gift_card(CARD_MINOR) for _ in range(GIFT_CARDS)]
    loyalty_cards = [
        await admin.make_loyalty_card(f"m{number}", {"name": f"Club {number}", **CLUB})
        for number in range(LOYALTY_CARDS)
    ]
    tier = await admin.make_tier({"name": "Three off", "discount_type": "AMOUNT", "discount_value": 3})
    return [*gift_cards, *loyalty_cards, tier]
