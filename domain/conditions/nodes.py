"""Nodes of a compiled rule: a test, and what to say where it has failed.

Owns which conditions are the smallest set: of `any` those of the branch that has the fewest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from .reading import Getter, Moments
from .remedies import Remedy
from .shapes import Facts, Failing
from .wire import to_wire

Test = Callable[[Facts, Moments], bool]
Explain = Callable[[Facts, Moments], list[Failing]]


class Node(NamedTuple):
    """`explain` is asked only where the test has failed."""

    test: Test
    explain: Explain


def part(read: Getter, meets: Callable[[Any], bool], at: str, condition: dict[str, Any], says: Remedy) -> Node:
    """One operator of one field."""

    def explain(facts: Facts, moments: Moments) -> list[Failing]:
        return [Failing(at, to_wire(condition, facts.decimals), says(facts, read(facts, moments)))]

    return Node(lambda facts, moments: meets(read(facts, moments)), explain)


def negated(inner: Test, at: str, node: dict[str, Any]) -> Node:
    """`not`: it fails as a whole, whatever stands in it."""
    return Node(
        lambda facts, moments: not inner(facts, moments),
        lambda facts, _moments: [Failing(at, to_wire(node, facts.decimals))],
    )


def fixed(met: bool) -> Node:
    """A condition that is decided elsewhere."""
    return Node(lambda _facts, _moments: met, lambda _facts, _moments: [])


def all_of(nodes: list[Node]) -> Node:
    """`all`: every one that fails keeps it from holding."""
    if len(nodes) == 1:
        return nodes[0]

    def test(facts: Facts, moments: Moments) -> bool:
        return all(node.test(facts, moments) for node in nodes)

    def explain(facts: Facts, moments: Moments) -> list[Failing]:
        return [one for node in nodes if not node.test(facts, moments) for one in node.explain(facts, moments)]

    return Node(test, explain)


def any_of(nodes: list[Node]) -> Node:
    """`any`: one would do."""
    if len(nodes) == 1:
        return nodes[0]

    def test(facts: Facts, moments: Moments) -> bool:
        return any(node.test(facts, moments) for node in nodes)

    def explain(facts: Facts, moments: Moments) -> list[Failing]:
        # The first of the branches with the fewest.
        return min((node.explain(facts, moments) for node in nodes), key=len)

    return Node(test, explain)
