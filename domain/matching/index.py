"""An index over many needs: those that a cart meets, found by what the cart carries.

Each need is kept under one of its clauses, the one that the fewest others share; needs with an equal clause share its
place. Must never miss a need that is met. Finding costs as much as what is found under what the cart carries.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from .atoms import Atom, Clause, Range, Token, pieces, pieces_at
from .carrying import Carried
from .needs import Need

K = TypeVar("K", bound=Hashable)

_RANK = ("item.sku", "item.product", "customer.id", "item.", "metadata", "customer.metadata", "customer.segment")
"""What is asked for by few, as a rule, before what many ask for: where the needs known so far do not say."""

_OF_CLOCKS = ("weekday ", "hour ", "date ")
_OF_PRODUCTS = ("item.product", "item.category", "item.collection", "item.metadata.")

_ALWAYS: Clause = frozenset([Token("always", True)])
"""The place of needs without any clause."""


class Index(Generic[K]):
    """Needs by key. Changed in place."""

    def __init__(self, needs: Mapping[K, Need] | None = None) -> None:
        self._needs: dict[K, Need] = {}
        self._under: dict[K, Clause] = {}
        self._groups: dict[Clause, dict[K, None]] = {}
        self._postings: dict[Hashable, set[Clause]] = {}
        self._asked: Counter[Hashable] = Counter()
        self.kinds: Counter[str] = Counter()
        """How many atoms of each kind are asked for."""
        for need in (needs or {}).values():
            self.announce(need)
        for key, need in (needs or {}).items():
            self.put(key, need, is_announced=True)

    def __len__(self) -> int:
        return len(self._needs)

    def __contains__(self, key: object) -> bool:
        return key in self._needs

    @property
    def zones(self) -> set[str]:
        """The time zones of which somebody asks the hour."""
        return {kind.partition(" ")[2] for kind in self.kinds if kind.startswith(_OF_CLOCKS)}

    @property
    def asks_products(self) -> bool:
        """Whether what is stored of products can make a difference."""
        return any(kind.startswith(_OF_PRODUCTS) for kind in self.kinds)

    def announce(self, need: Need) -> None:
        """Say that this need will be put: of many, those that come first are then placed as well as the last."""
        self._count(need, 1)

    def put(self, key: K, need: Need, is_announced: bool = False) -> None:
        """Add a need, or replace what was known under this key."""
        self.remove(key)
        if not is_announced:
            self._count(need, 1)
        self._needs[key] = need
        self._place(key, need)

    def remove(self, key: K) -> None:
        """Forget it, if it is known."""
        need = self._needs.pop(key, None)
        if need is None:
            return
        self._count(need, -1)
        clause = self._under.pop(key)
        group = self._groups[clause]
        del group[key]
        if not group:
            del self._groups[clause]
            for place in _places(clause):
                posted = self._postings[place]
                posted.discard(clause)
                if not posted:
                    del self._postings[place]

    def need(self, key: K) -> Need:
        """What is known under a key."""
        return self._needs[key]

    def candidates(self, carried: Carried) -> list[K]:
        """The keys of all needs that are met."""
        met: dict[Clause, bool] = {}
        found: list[K] = []
        for clause in self._touched(carried):
            if clause is not _ALWAYS and not carried.meets(clause):
                continue
            met[clause] = True
            found += [key for key in self._groups[clause] if self._is_met(self._needs[key], carried, met)]
        return found

    def _touched(self, carried: Carried) -> Iterable[Clause]:
        """The places under which something may be found."""
        touched: dict[Clause, None] = {}
        if _ALWAYS in self._groups:
            touched[_ALWAYS] = None
        for token in carried.tokens:
            touched.update(dict.fromkeys(self._postings.get(token, ())))
        for number, value in carried.numbers.items():
            for piece in pieces_at(number, value):
                touched.update(dict.fromkeys(self._postings.get(piece, ())))
        return touched

    def _is_met(self, need: Need, carried: Carried, met: dict[Clause, bool]) -> bool:
        for clause in need.clauses:
            if clause not in met:
                met[clause] = carried.meets(clause)
            if not met[clause]:
                return False
        return True

    def _place(self, key: K, need: Need) -> None:
        clause = min(need.clauses, key=self._weight, default=_ALWAYS)
        self._under[key] = clause
        group = self._groups.get(clause)
        if group is None:
            group = self._groups[clause] = {}
            for place in _places(clause):
                self._postings.setdefault(place, set()).add(clause)
        group[key] = None

    def _weight(self, clause: Clause) -> tuple[int, int]:
        """How many needs a cart would meet with, were it found under this clause; then how rare such clauses are."""
        asked, rank = 0, 0
        for atom in clause:
            if isinstance(atom, Range):
                asked = max(asked, sum(self._asked[piece] for piece in pieces_at(atom.number, atom.first)))
                rank = max(rank, len(_RANK))
            else:
                asked = max(asked, self._asked[atom])
                found = [at for at, kind in enumerate(_RANK) if atom.kind.startswith(kind)]
                rank = max(rank, found[0] if found else len(_RANK))
        return asked, rank

    def _count(self, need: Need, by: int) -> None:
        for clause in need.clauses:
            for atom in clause:
                for place in _places_of(atom):
                    self._asked[place] += by
                    if not self._asked[place]:
                        del self._asked[place]
                if isinstance(atom, Token):
                    self.kinds[atom.kind] += by
                    if not self.kinds[atom.kind]:
                        del self.kinds[atom.kind]


def _places(clause: Clause) -> Iterator[Hashable]:
    for atom in clause:
        yield from _places_of(atom)


def _places_of(atom: Atom) -> Iterator[Hashable]:
    if isinstance(atom, Range):
        return iter(pieces(atom))
    return iter((atom,))
