"""How Redis gets what it lacks: peek, read PostgreSQL, put.

The put carries the project's change number and the ledger's position, and is refused where the project has changed
since, or where Redis has not been told yet of all that PostgreSQL had settled. Must never believe PostgreSQL over
either.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from domain.definitions import BUDGET_WINDOW_MINOR, COUNT_WINDOW, budget_counter, orders_counter, redemptions_counter
from domain.ledger import CounterHold, CounterState, Definition, Position
from domain.outcomes import Status
from domain.problems import Refused
from domain.taking import own_counters
from store.cards import read_funds
from store.database import Database, Transaction
from store.definitions import (
    campaign_from,
    encode_campaign,
    encode_redeemable,
    encode_settings,
    encode_voucher,
    read_codes,
    read_customers,
    read_products,
    read_rules,
    read_settings,
    read_skus,
    read_tiers,
)
from store.ledger_cards import BALANCE, is_of_a_card
from store.link import FencedOut
from store.queries import query
from store.shards import Shard

from .metrics import Metrics

BEHIND_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""A confirm follows its commit within a millisecond or two; where it does not come, the reconciler is gone."""

_CAMPAIGN_ROWS = query("campaign_rows")
_COUNTER_ROWS = query("counter_rows")
_CUSTOMER_ORDERS = query("customer_orders")
_LIVE_HOLDS = query("live_holds")
_POSITION = query("settled_position")
_UNACCOUNTED = query("unaccounted_epochs")


class Snapshot(msgspec.Struct, frozen=True):
    """What PostgreSQL knew at a position of the ledger."""

    ledger: Position
    states: list[tuple[str, CounterState]]
    definitions: list[Definition] = []


class Hydration:
    """Peeks and puts of one shard in one epoch."""

    def __init__(self, shard: Shard, database: Database, metrics: Metrics) -> None:
        self._shard = shard
        self._database = database
        self._metrics = metrics

    async def peek(self, scope: str, keys: Sequence[str]) -> tuple[int, dict[str, Definition]]:
        """The change number of a scope, and those of its definitions that Redis has."""
        status, change, found = await self._shard.scripts.peek(scope, keys)
        if status is not Status.OK:
            raise FencedOut("the epoch is over")
        return change, {definition.key: definition for definition in found if definition is not None}

    async def counters(self, project_id: str, change: int, names: list[str]) -> bool:
        """Bring counters to Redis; False if the project has changed since `change` was peeked."""
        async with self._database.hydration_tx(project_id, self._shard.epoch.shard) as tx:
            states = await self._states(tx, project_id, names)
            snapshot = Snapshot(await self._position(tx), states)
        return await self._put(project_id, change, snapshot)

    async def definitions(
        self, project_id: str, scope: str, change: int, keys: Sequence[str]
    ) -> list[Definition] | None:
        """Bring what these keys of one scope name to Redis, those of them that there are, with the counters of
        vouchers and campaigns; None if the scope has changed since `change` was peeked."""
        async with self._database.hydration_tx(project_id, self._shard.epoch.shard) as tx:
            found, counted = await self._read(tx, project_id, keys)
            # Only what the project's number covers comes with its counters; others are hydrated when they are missed.
            states = await self._states(tx, project_id, counted if scope == project_id else [])
            position = await self._position(tx)
        return found if await self._put(scope, change, Snapshot(position, states, found)) else None

    async def _read(self, tx: Transaction, project_id: str, keys: Sequence[str]) -> tuple[list[Definition], list[str]]:
        """Definitions by their keys, and the counters that are theirs alone."""
        names: dict[str, list[str]] = {}
        for key in keys:
            # Of customers, products, SKUs and codes it is the last of three parts, else the second.
            parts = key.split(":", 2)
            names.setdefault(parts[0], []).append(parts[-1])
        found: list[Definition] = []
        counted: list[str] = []
        if "v" in names:
            for redeemable in await read_codes(tx, project_id, names["v"]):
                found.append(encode_redeemable(redeemable))
                counted += own_counters(redeemable)
        if "m" in names:
            found += map(encode_voucher, await read_tiers(tx, project_id, names["m"]))
        if "c" in names:
            for campaign in map(campaign_from, await tx.fetch(_CAMPAIGN_ROWS, project_id, names["c"])):
                found.append(encode_campaign(campaign))
                counted += [redemptions_counter(campaign.id), budget_counter(campaign.id)]
        if "q" in names:
            found += await read_rules(tx, project_id, names["q"])
        if "p" in names:
            found += await read_customers(tx, project_id, names["p"])
        if "g" in names:
            found += await read_products(tx, project_id, names["g"])
        if "k" in names:
            found += await read_skus(tx, project_id, names["k"])
        if "s" in names:
            found.append(encode_settings(await read_settings(tx, project_id)))
        return found, counted

    async def _states(self, tx: Transaction, project_id: str, names: list[str]) -> list[tuple[str, CounterState]]:
        """Counters as PostgreSQL has them, all settled; what an unaccounted epoch may have sold is withheld."""
        epochs = 0
        if self._shard.epoch.withheld_epochs:
            epochs = await tx.fetchval(_UNACCOUNTED, self._shard.epoch.shard, project_id)
        rows = {row["id"]: row for row in await tx.fetch(_COUNTER_ROWS, project_id, names)} if names else {}
        rows |= await self._orders(tx, project_id, [name for name in names if name.startswith("o:")])
        holds: dict[str, list[CounterHold]] = {}
        for each in await tx.fetch(_LIVE_HOLDS, project_id, names) if names else ():
            hold = CounterHold(each["tag"], each["amount"], each["expires_ms"], each["reservation_id"])
            holds.setdefault(each["counter_id"], []).append(hold)
        funds = await read_funds(tx, project_id, names)
        states = []
        for name in names:
            window = BUDGET_WINDOW_MINOR if name.startswith("b:") else COUNT_WINDOW
            # What is of a card is `committed`: no lost epoch has sold any of it.
            withheld = 0 if is_of_a_card(name) else window * epochs
            # A balance that nobody has funded is none; another counter without a limit has none.
            limit, version = funds.get(name, (0 if name.startswith(BALANCE) else None, 0))
            row = rows.get(name)
            granted, returned = (row["granted"], row["returned"]) if row else (0, 0)
            held = tuple(holds.get(name, ()))
            units = sum(hold.amount for hold in held)
            states.append((name, CounterState(limit, granted, returned, granted, units, withheld, version, held)))
        return states

    async def _orders(self, tx: Transaction, project_id: str, names: Sequence[str]) -> dict[str, Any]:
        """Customers' orders as the ledger has them, those of before they were counted too."""
        if not names:
            return {}
        customers = [name.split(":", 2)[2] for name in names]
        rows = await tx.fetch(_CUSTOMER_ORDERS, project_id, customers)
        return {orders_counter(project_id, row["customer_id"]): row for row in rows}

    async def _position(self, tx: Transaction) -> Position:
        row = await tx.fetchrow(_POSITION, self._shard.epoch.shard, self._shard.epoch.number)
        if row is None:
            raise FencedOut("the ledger is in another epoch")
        return Position(row["entry_ms"], row["entry_seq"])

    async def _put(self, scope: str, change: int, snapshot: Snapshot) -> bool:
        self._metrics.hydrations += 1
        for pause_s in BEHIND_PAUSES_S:
            status = await self._shard.scripts.hydrate(
                scope, change, snapshot.ledger, snapshot.definitions, snapshot.states
            )
            if status is Status.FENCED:
                raise FencedOut("the epoch is over")
            if status is not Status.BEHIND:
                return status is Status.OK
            await asyncio.sleep(pause_s)
        raise Refused("ledger_lagging", "the ledger has settled more than Redis was told")
