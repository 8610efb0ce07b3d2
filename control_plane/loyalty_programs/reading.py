"""A loyalty program's terms read from a body: what is left out stays, every fault by its pointer.

Must never round, nor take a condition that only the commit of a redemption could judge.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.amounts import read_amount
from control_plane.bodies import fill
from control_plane.clock import new_id
from control_plane.loyalty_programs.schemas import (
    EarningInput,
    ExpiryInput,
    ProgramTerms,
    RewardInput,
    SpendingInput,
    TierInput,
)
from control_plane.problems import Errors
from control_plane.programs import MOST_BYTES
from control_plane.rules.reading import RulesReader
from control_plane.rules.schemas import RulesInput
from control_plane.rules.scopes import read_selection
from domain.conditions import check, compile_rule
from domain.definitions import Selection
from domain.loyalty import EarningRule, Expiry, LoyaltyProgram, LoyaltyTier, Reward
from domain.loyalty.programs import Basis
from domain.money import PPM, percent_to_ppm
from domain.rules import Rules

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")


class ProgramReader:
    """Reads one body."""

    def __init__(self, decimals: int, errors: Errors) -> None:
        self._decimals = decimals
        self._errors = errors

    def merge(self, before: LoyaltyProgram, wish: ProgramTerms) -> LoyaltyProgram:
        """The terms that the wish makes of those before; of no use if errors were noted."""
        changes: dict[str, Any] = {}
        if not isinstance(wish.spending, UnsetType):
            changes |= self._spending(wish.spending)
        if not isinstance(wish.rewards, UnsetType):
            changes["rewards"] = self._each(wish.rewards, RewardInput, "/rewards", "rwd", self._reward)
        if not isinstance(wish.earning_rules, UnsetType):
            given = self._each(wish.earning_rules, EarningInput, "/earning_rules", "ern", self._earning)
            changes["earning"] = given
        if not isinstance(wish.pending_days, UnsetType):
            changes["pending_days"] = wish.pending_days or 0
        if not isinstance(wish.expiry, UnsetType):
            changes["expiry"] = None if wish.expiry is None else self._expiry(wish.expiry)
        if not isinstance(wish.tiers, UnsetType):
            changes["tiers"] = self._tiers(wish.tiers)
        merged = msgspec.structs.replace(before, **changes)
        text = json.dumps(msgspec.to_builtins(merged), ensure_ascii=False)
        if "\\u0000" in text.replace("\\\\", ""):  # the character, not somebody's spelling of it
            self._errors.add("", "must not contain a NUL character")
        if len(text.encode()) > MOST_BYTES:
            self._errors.add("", f"the program is longer than {MOST_BYTES} bytes")
        return merged

    def _each(
        self,
        given: list[dict[str, Any]] | None,
        schema: type[T],
        at: str,
        prefix: str,
        read: Callable[[T, str, str], Any],
    ) -> tuple[Any, ...]:
        """One of each object of a list, with an id that is drawn where it says none."""
        made, ids = [], set()
        for number, one in enumerate(given or []):
            place = f"{at}/{number}"
            wish = fill(one, schema, place, self._errors)
            own: str | UnsetType = wish.id  # type: ignore[attr-defined] # each schema here has one
            id_ = new_id(prefix) if isinstance(own, UnsetType) else own
            if id_ in ids:
                self._errors.add(f"{place}/id", "stands in the list already")
            ids.add(id_)
            made.append(read(wish, id_, place))
        return tuple(one for one in made if one is not None)

    def _spending(self, given: SpendingInput | None) -> dict[str, Any]:
        if given is None:
            return {"points": 0, "amount_minor": 0, "least_points": 1, "most_ppm": PPM}
        most_ppm = PPM
        if isinstance(given.max_percent, Decimal):
            try:
                most_ppm = percent_to_ppm(given.max_percent)
            except ValueError as error:
                self._errors.add("/spending/max_percent", str(error))
            if not most_ppm:
                self._errors.add("/spending/max_percent", "must be greater than 0")
        return {
            "points": _or(given.points, 0),
            "amount_minor": read_amount(given.amount, "/spending/amount", self._decimals, self._errors) or 0,
            "least_points": _or(given.min_points, 1),
            "most_ppm": most_ppm,
        }

    def _reward(self, given: RewardInput, id_: str, at: str) -> Reward | None:
        wish = RulesInput(
            discount_type=given.discount_type,
            discount_value=given.discount_value,
            max_discount=given.max_discount,
            applies_to=given.applies_to,
            added_unit=given.added_unit,
        )
        discount = RulesReader(self._decimals, at, self._errors).merge(Rules(), wish).discount
        if discount is None or isinstance(given.name, UnsetType) or isinstance(given.points, UnsetType):
            return None  # noted as a fault already
        return Reward(id_, given.name, given.points, discount)

    def _earning(self, given: EarningInput, id_: str, at: str) -> EarningRule | None:
        per_minor = read_amount(given.per, f"{at}/per", self._decimals, self._errors) or 0
        of: Basis = "total" if isinstance(given.of, UnsetType) else given.of
        items = read_selection(given.items)
        if given.per in (UNSET, None):
            for name in ("of", "items"):
                if getattr(given, name) not in (UNSET, None):
                    self._errors.add(f"{at}/{name}", "goes with points per an amount")
        elif (of == "items") != (items != Selection()):
            self._errors.add(f"{at}/items", 'goes with "of": "items", and that with some of them')
        rule = self._rule(given.rule, f"{at}/rule") if isinstance(given.rule, dict) else None
        if isinstance(given.event, UnsetType) or isinstance(given.points, UnsetType):
            return None  # noted as a fault already
        if given.event == "order.refunded":
            self._errors.add(f"{at}/event", "takes back what the order has earned: it earns nothing")
        return EarningRule(id_, given.event, given.points, per_minor, of, items, rule, given.name or None)

    def _rule(self, given: dict[str, Any], at: str) -> dict[str, Any] | None:
        canonical, faults = check(given, self._decimals)
        for fault in faults:
            self._errors.add(f"{at}{fault.pointer}", fault.detail)
        if canonical is not None:
            compiled = compile_rule(canonical)
            if compiled.limits or compiled.asks_first_order:
                self._errors.add(at, "counts and first orders are of redemptions: an event cannot be judged by them")
        return canonical

    def _expiry(self, given: ExpiryInput) -> Expiry | None:
        if (given.days is UNSET) == (given.end_of is UNSET):
            self._errors.add("/expiry", "takes either days or end_of")
            return None
        if given.after_months is not UNSET and given.end_of is UNSET:
            self._errors.add("/expiry/after_months", "goes with end_of")
        end_of = None if isinstance(given.end_of, UnsetType) else given.end_of
        return Expiry(_or(given.days, 0), end_of, _or(given.after_months, 0))

    def _tiers(self, given: list[dict[str, Any]] | None) -> tuple[LoyaltyTier, ...]:
        tiers = self._each(given, TierInput, "/tiers", "lvl", self._tier)
        if len({tier.from_points for tier in tiers}) < len(tiers):
            self._errors.add("/tiers", "two of them begin at the same points")
        return tuple(sorted(tiers, key=lambda tier: tier.from_points))

    def _tier(self, given: TierInput, id_: str, at: str) -> LoyaltyTier | None:
        try:  # a factor has the range and the decimals of a percentage
            factor_ppm = percent_to_ppm(_or(given.factor, Decimal(1))) * 100
        except ValueError:
            factor_ppm = 0
        if not factor_ppm:
            self._errors.add(f"{at}/factor", "takes more than 0, up to 100, with at most 4 decimals")
            return None
        if isinstance(given.name, UnsetType) or isinstance(given.from_points, UnsetType):
            return None  # noted as a fault already
        return LoyaltyTier(id_, given.name, given.from_points, factor_ppm)


def _or(given: V | UnsetType, default: V) -> V:
    return default if isinstance(given, UnsetType) else given
