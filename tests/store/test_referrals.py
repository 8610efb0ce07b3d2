"""Who may refer whom, as SQL finds it and constraints enforce it, against the same told plainly in Python."""

import random
from typing import Any

import asyncpg
import pytest

from domain.events import Redeemed, Referral, RolledBack, encode
from domain.ledger import Position
from domain.referrals import Facts, standing
from store.database import Database
from store.erasing import erase_customer
from store.ledger import insert_redemptions
from store.ledger_referrals import attribute, roll_back_referrals
from store.ledger_rows import Place, Slot
from store.queries import query

SEED = """
INSERT INTO accounts (id, name, plan, shard) VALUES ('acc_a', 'Account', 'unlimited', 1);
INSERT INTO projects (account_id, id, name) VALUES ('acc_a', 'prj_a', 'Project');
INSERT INTO campaigns (project_id, id, account_id, name, type, rules)
    VALUES ('prj_a', 'ref_1', 'acc_a', 'Friends', 'REFERRAL', '{}');
INSERT INTO referral_codes (project_id, id, program_id, code, customer_id)
    SELECT 'prj_a', 'rfc_' || name, 'ref_1', upper(name), name FROM unnest($1::text[]) AS name
"""
PEOPLE = [f"p{number}" for number in range(9)]
DEVICES = [bytes([number]) * 16 for number in range(14)]
ATTEMPTS = 150

Identities = tuple[tuple[str, bytes], ...]


class Model:
    """The rules, told plainly: a list of referrals, and what each customer was seen with."""

    def __init__(self) -> None:
        self.stated: dict[str, set[tuple[str, bytes]]] = {person: set() for person in PEOPLE}
        self.made: dict[str, tuple[str, str, Identities]] = {}
        self.over: dict[str, tuple[str, str, Identities]] = {}

    def seen_with(self, person: str) -> set[tuple[str, bytes]]:
        told = [identities for _, who, identities in (*self.made.values(), *self.over.values()) if who == person]
        return self.stated[person].union(*told)

    def above(self, person: str) -> list[str]:
        """Who has referred the person, and who those."""
        found: list[str] = []
        while True:
            referrers = [who for who, whom, _ in self.made.values() if whom == person]
            if not referrers:
                return found
            person = referrers[0]
            found.append(person)

    def facts(self, referrer: str, referee: str, identities: Identities) -> Facts:
        told = set(identities)
        above = self.above(referrer)
        taken = {one for _, _, theirs in self.made.values() for one in theirs}
        return Facts(
            referrer,
            referee,
            shares_identity=bool(told & self.seen_with(referrer)),
            is_referred=any(whom == referee for _, whom, _ in self.made.values()) or bool(told & taken),
            is_ring=referee in above or any(told & self.seen_with(person) for person in above),
        )


def redeemed(redemption_id: str, referrer: str, referee: str, identities: Identities) -> Redeemed:
    made = Referral(0, "ref_1", f"rfc_{referrer}", referee, identities)
    return Redeemed(redemption_id, "acc_a", "prj_a", b"f", None, referee, "EUR", 2, 1000, 100, True, (), referral=made)


def slot_of(event: Redeemed | RolledBack) -> Slot:
    return Slot(Position(1, 1), 0, 1_790_000_000_000, b"", event)


async def ask(app: Database, facts: tuple[str, str], identities: Identities) -> Facts:
    keys, values = [key for key, _ in identities], [value for _, value in identities]
    async with app.tenant_tx("prj_a") as tx:
        row = await tx.fetchrow(query("referral_facts"), "prj_a", "ref_1", *facts, keys, values)
    assert row is not None
    return Facts(*facts, **dict(row))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_facts_and_constraints_say_what_the_model_says(
    seed: int, owner: Any, app: Database, reconciler: Database
) -> None:
    await owner.execute(SEED.replace("$1", "'{" + ",".join(PEOPLE) + "}'"))
    chance, model, refusals = random.Random(seed), Model(), set[str | None]()
    for number in range(ATTEMPTS):
        if number % 7 == 6 and model.made:
            gone = chance.choice(sorted(model.made))
            async with reconciler.shard_tx(1) as tx:
                await roll_back_referrals(tx, [slot_of(RolledBack(gone, "acc_a", "prj_a"))])
            model.over[gone] = model.made.pop(gone)
        if number % 11 == 5:
            person, device = chance.choice(PEOPLE), chance.choice(DEVICES)
            model.stated[person].add(("device", device))
            await owner.execute(
                "INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)"
                " VALUES ('prj_a', 'ref_1', $1, 'device', $2) ON CONFLICT DO NOTHING",
                person,
                device,
            )
        pair = chance.choice(PEOPLE), chance.choice(PEOPLE)
        identities = tuple(("device", device) for device in sorted(chance.sample(DEVICES, chance.choice((0, 0, 1, 2)))))
        expected = model.facts(*pair, identities)
        assert await ask(app, pair, identities) == expected
        refusals.add(standing(expected))
        event = redeemed(f"rdm_{number}", *pair, identities)
        if standing(expected) is None:
            async with reconciler.shard_tx(1) as tx:
                await attribute(tx, [slot_of(event)])
            model.made[event.id] = (*pair, identities)
        else:
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                async with reconciler.shard_tx(1) as tx:
                    await attribute(tx, [slot_of(event)])
    assert refusals == {None, "self_referral", "already_referred", "referral_ring"}


async def test_a_long_line_of_referrals_ends(owner: Any, app: Database) -> None:
    await owner.execute(SEED.replace("$1", "'{p0}'"))
    await owner.execute(
        "ALTER TABLE referrals DISABLE TRIGGER referrals_checked;"
        "INSERT INTO referrals (project_id, redemption_id, line_no, program_id, code_id, referrer_id, referee_id,"
        " created_at) SELECT 'prj_a', 'rdm_' || n, 1, 'ref_1', 'rfc', 'p' || n, 'p' || n + 1, now()"
        " FROM generate_series(0, 1500) AS n"
    )
    assert (await ask(app, ("p900", "p0"), ())).is_ring
    assert not (await ask(app, ("p1400", "p0"), ())).is_ring, "a thousand steps are looked at"


async def test_who_is_erased_has_referred_nobody_and_was_referred_by_nobody(owner: Any, reconciler: Database) -> None:
    await owner.execute(SEED.replace("$1", "'{p0,p1}'"))
    await owner.execute(
        "INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)"
        " VALUES ('prj_a', 'ref_1', 'p0', 'device', $1)",
        DEVICES[0],
    )
    terms = {"referrer_reward": {"type": "gift_card", "amount_minor": 500}}
    await owner.execute("UPDATE campaigns SET program = $1", terms)
    events = [
        redeemed("rdm_1", "p1", "p0", (("device", DEVICES[1]),)),
        redeemed("rdm_2", "p0", "p2", (("device", DEVICES[2]),)),
    ]
    slots = [
        Slot(Position(1, number), 0, 1_790_000_000_000, encode(event), event) for number, event in enumerate(events)
    ]
    async with reconciler.shard_tx(1) as tx:
        await insert_redemptions(tx, Place(1, 1), slots)
        await attribute(tx, slots)
    async with owner.transaction():
        assert await erase_customer(owner, "prj_a", "p0") == 1
    rows = await owner.fetch("SELECT referrer_id, referee_id, status FROM referrals ORDER BY redemption_id")
    assert [tuple(row) for row in rows] == [("p1", None, "active"), (None, "p2", "active")]
    assert await owner.fetchval("SELECT count(*) FROM referrer_identities") == 0
    assert await owner.fetch("SELECT redemption_id FROM referee_identities") == [("rdm_2",)]
    rows = await owner.fetch("SELECT customer_id FROM referral_rewards ORDER BY redemption_id")
    assert [row["customer_id"] for row in rows] == ["p1", None]
    code = await owner.fetchrow("SELECT customer_id, status, version FROM referral_codes WHERE id = 'rfc_p0'")
    assert tuple(code) == ("erased:rfc_p0", "disabled", 2)
    assert await owner.fetchval("SELECT object_id FROM outbox WHERE object = 'referral_code'") == "rfc_p0"
    for row in await owner.fetch("SELECT body FROM redemptions"):
        assert b"p0" not in row["body"].replace(b"rfc_p0", b""), "a code's id says nothing of whose it was"
