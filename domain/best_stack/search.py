"""Branch and bound over the orders and subsets of redeemables.

A node is a stack that can be redeemed as it stands; its children have one redeemable more, applied last. A node's bound
is what it takes off and what each of the others could still take off by now, which never grows as more is applied.
Must never call something optimal that it has not searched, or bounded.
"""

from collections.abc import Hashable, Iterator, Sequence

import msgspec

from domain.conditions import Facts
from domain.decisions import Found, Request, Surroundings
from domain.definitions import MOST_REDEEMABLES
from domain.effects import Cart, Effect
from domain.orders import Order
from domain.stacking import application_ranks, customer_of, enrich, why_no_room

from .prospects import Prospect, Rank, prospect_of

MOST_SEARCHED = 100
"""Of so many redeemables the best stack is sought; of more, among those that take most off alone."""

_MOST_SEEN = 200_000
"""States remembered, so that none is searched twice: a search that goes on has other limits."""

_UNBOUNDED = 2**63


class _Node(msgspec.Struct):
    """A stack: what is applied, in order, the cart after it, and the greatest rank in it."""

    cart: Cart
    applied: tuple[int, ...]
    mask: int
    categories: tuple[str | None, ...]
    rank: Rank
    bound_minor: int


class Search:
    """The search. What it has found so far stands in `sequence`: numbers of `found` in the order of application, and
    `discount_minor`; `is_optimal` once nothing better is left. `has_begun` once each was looked at and one stack
    tried: until then it may have found nothing, though something applies."""

    def __init__(self, found: Sequence[Found], request: Request, around: Surroundings, now_ms: int) -> None:
        self.sequence: tuple[int, ...] = ()
        self.discount_minor = 0
        self.is_optimal = False
        self.has_begun = False
        self._found = found
        self._request = msgspec.structs.replace(request, wanted=())
        self._around, self._now_ms = around, now_ms
        self._settings = around.settings
        self._of_initial = around.settings.percent_of == "INITIAL"
        self._order = enrich(request.order or Order(request.order_value_minor), around.products, around.skus)
        self._customer = customer_of(request, around.customer)
        self._prospects: list[Prospect] = []
        self._is_monotone = False
        self._after: dict[int, int] = {}
        self._twins: dict[int, int] = {}
        self._of_totals = False
        self._seen: dict[Hashable, tuple[int, int]] = {}
        self._effects: dict[Hashable, Effect] = {}

    def _prepare(self) -> Iterator[None]:
        """Look at each alone."""
        cart, alone_minor = Cart(self._order), dict[int, int]()
        ranks = application_ranks(self._found, self._settings.category_order)
        for number, (each, rank) in enumerate(zip(self._found, ranks, strict=True)):
            prospect = prospect_of(number, each, rank, self._request, self._around, self._now_ms, cart)
            if prospect is not None:
                self._prospects.append(prospect)
                alone_minor[number] = cart.effect_of(prospect.discount, self._of_initial).discount_minor
            yield
        self._prospects.sort(key=lambda each: -alone_minor[each.number])
        del self._prospects[MOST_SEARCHED:]

    def _begin(self) -> _Node:
        """The root. Where nothing asks for items, an order of one amount is the same and cheaper to try things on."""
        order = self._order
        self._of_totals = all(each.is_of_totals for each in self._prospects)
        self._is_monotone = self._of_totals and not any(each.reads_left for each in self._prospects)
        self._after, self._twins = self._turns(), self._equals()
        cart = Cart(Order(order.amount_minor, (), order.shipping_minor) if self._of_totals else order)
        return _Node(cart, (), 0, (), (0, 0), _UNBOUNDED)

    def steps(self) -> Iterator[None]:
        """Search on from one `next` to the next, each some ten microseconds' work, until it ends."""
        yield from self._prepare()
        root = self._begin()
        yield from self._try_in_turn(root)
        self.has_begun = True
        waiting = [root]
        while waiting:
            node = waiting.pop()
            gains: list[tuple[Prospect, Effect]] = []
            for each in self._prospects:
                if self._may_follow(node, each):
                    gains.append((each, self._effect(node.cart, each)))
                    yield
            bound_minor = node.cart.discount_minor + self._gain_at_most(node, gains)
            if bound_minor <= self.discount_minor:
                continue
            children = [
                self._child(node, each, effect, bound_minor)
                for each, effect in gains
                if not effect.is_nothing and self._can(node, each)
            ]
            # The last is searched first: the one that takes most off, or whose turn it is.
            children.sort(key=lambda child: (self._after.get(child.applied[-1], 0), child.cart.discount_minor))
            waiting += [child for child in children if child.bound_minor > self.discount_minor and self._is_new(child)]
            yield
        self.is_optimal = len(self._prospects) < MOST_SEARCHED

    def _try_in_turn(self, node: _Node) -> Iterator[None]:
        """One stack to begin with, which is often the best: whatever can be applied, percentages before amounts."""
        for each in sorted(self._prospects, key=lambda each: (each.rank, each.turn)):
            if self._may_follow(node, each) and self._can(node, each):
                effect = self._effect(node.cart, each)
                node = node if effect.is_nothing else self._child(node, each, effect, 0)
            yield

    def _effect(self, cart: Cart, each: Prospect) -> Effect:
        """What it would do to the cart; the same for all carts with as much left of what it is on."""
        if not each.reads:
            left: tuple[int, ...] = (cart.shipping_left,)
        else:
            left = (cart.left[0],) if self._of_totals else tuple([cart.left[at] for at in each.reads])
        key = (each.number, len(cart.items), left)
        effect = self._effects.get(key)
        if effect is None:
            effect = cart.effect_of(each.discount, self._of_initial)
            if len(self._effects) < _MOST_SEEN:
                self._effects[key] = effect
        return effect

    def _may_follow(self, node: _Node, each: Prospect) -> bool:
        """Whether it could have a place behind the node, there or later."""
        if node.mask >> each.number & 1 or each.rank < node.rank or len(node.applied) >= MOST_REDEEMABLES:
            return False
        if node.mask & self._after.get(each.number, 0):
            return False
        return why_no_room(self._settings, node.categories, each.category) is None

    def _turns(self) -> dict[int, int]:
        """By number, those that it need not follow, as a mask: with the two the other way round a stack takes at least
        as much off. So it is where only totals matter, and no rule or category cares for the order."""
        settings = self._settings
        is_ordered = self._is_monotone and all(each.turn >= 0 for each in self._prospects)
        if not is_ordered or not set(settings.exclusive_categories).isdisjoint(settings.joint_categories):
            return {}
        # Percentages of what others have left are rounded each time, and so each order of them is another.
        commute = [self._of_initial or each.turn != 1 for each in self._prospects]
        place = [(each.turn, at * commute[at]) for at, each in enumerate(self._prospects)]
        return {
            each.number: sum(
                1 << other.number
                for behind, other in enumerate(self._prospects)
                if other.rank == each.rank and place[behind] > place[at]
            )
            for at, each in enumerate(self._prospects)
        }

    def _equals(self) -> dict[int, int]:
        """By number, those before it that are like it in all that matters, as a mask: it need not go before them."""
        masks: dict[Hashable, int] = {}
        before = {}
        for each in self._prospects:
            rules = tuple([rule.definition.id for rule in each.found.rules]) if each.reads_left else ()
            alike = (each.discount, each.rank, each.category, rules)
            before[each.number] = masks.get(alike, 0)
            masks[alike] = masks.get(alike, 0) | 1 << each.number
        return before

    def _can(self, node: _Node, each: Prospect) -> bool:
        """Whether it can be applied there, next: its rules hold, where they ask what is left."""
        twins = self._twins[each.number]
        if node.mask & twins != twins:
            return False
        if not each.reads_left:
            return True
        facts = Facts(
            order=self._order,
            discounted_minor=node.cart.discounted_minor,
            customer=self._customer,
            metadata=self._request.metadata or {},
            api_key_id=self._around.api_key_id,
            now_ms=self._now_ms,
            currency=self._around.currency,
            decimals=self._around.decimals,
        )
        return all(rule.compiled.judge(facts).holds for rule in each.found.rules)

    def _child(self, node: _Node, each: Prospect, effect: Effect, bound_minor: int) -> _Node:
        """The node with one more; the best so far is kept."""
        cart = node.cart.fork()
        cart.take(effect)
        applied = (*node.applied, each.number)
        if cart.discount_minor > self.discount_minor:
            self.sequence, self.discount_minor = applied, cart.discount_minor
        categories = (*node.categories, each.category)
        return _Node(cart, applied, node.mask | 1 << each.number, categories, each.rank, bound_minor)

    def _gain_at_most(self, node: _Node, gains: Sequence[tuple[Prospect, Effect]]) -> int:
        """What these could take off together behind the node: as many as there is room for; of those that exclude
        each other, only one category; and no more than is left, but for what they add to the order."""
        settings, room = self._settings, min(self._settings.most_applied, MOST_REDEEMABLES) - len(node.applied)
        by_category: dict[str | None, int] = {}
        each_minor, added_minor, anywhere_minor = [], 0, 0
        for each, effect in gains:
            gain = effect.discount_minor if each.most_minor is None else each.most_minor
            each_minor.append(gain)
            if effect.added is not None:
                added_minor += gain
            category = each.category if each.category in settings.exclusive_categories else None
            if each.category in settings.joint_categories:
                anywhere_minor += gain
            else:
                by_category[category] = by_category.get(category, 0) + gain
        each_minor.sort(reverse=True)
        left_minor = sum(node.cart.left) + node.cart.shipping_left + added_minor
        fitting_minor = anywhere_minor + max(by_category.values(), default=0)
        return min(sum(each_minor[:room]), fitting_minor, left_minor)

    def _is_new(self, node: _Node) -> bool:
        """Whether what may come of it was not searched already. What follows depends on what is applied and on what is
        left; and of totals, the less is left the better, unless a rule asks for more."""
        cart, seen = node.cart, self._seen
        if len(seen) >= _MOST_SEEN:
            return True  # searched once more, perhaps
        if self._is_monotone:
            before = seen.get(node.mask)
            if before is not None and before[0] <= cart.left[0] and before[1] <= cart.shipping_left:
                return False
            seen[node.mask] = cart.left[0], cart.shipping_left
            return True
        key = (node.mask, tuple(cart.left), cart.shipping_left)
        is_new = key not in seen
        seen[key] = (0, 0)
        return is_new
