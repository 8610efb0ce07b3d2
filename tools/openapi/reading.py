"""Reads code: which outcome codes, and which statuses, a function can come to through whatever it names.

A function is followed into every function, class and module member of the product that it names, and into the values
of constants. Must never leave one out because it is seldom: a code too many does less harm than one that is missing.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, get_args

import msgspec

from domain.definitions import RedeemableObject
from domain.outcomes import PROBLEMS

_ROOMS = ("control_plane", "engine", "domain")
# They translate what was refused into an answer: what they name is no refusal of a route's own.
_NOT_FOLLOWED = ("domain.outcomes", "domain.problems", "control_plane.problems", "engine.worker", "engine.metrics")
_STATUS_OF = ("Outcome", "answer")
_SHORTEST_PREFIX = 6


class Found(msgspec.Struct):
    """What was found in a function and in all that it leads to."""

    codes: set[str] = msgspec.field(default_factory=set)
    statuses: set[int] = msgspec.field(default_factory=set)
    functions: list[FunctionType] = msgspec.field(default_factory=list)
    may_be_pending: bool = False

    def calls(self, name: str) -> bool:
        """Whether a function of this name is among them."""
        return any(function.__name__ == name for function in self.functions)


def read(root: FunctionType) -> Found:
    """All that the function leads to."""
    found, waiting, seen = Found(), [root], set[int]()
    while waiting:
        function = waiting.pop(0)
        if id(function) in seen:
            continue
        seen.add(id(function))
        found.functions.append(function)
        own = _read_one(function)
        found.codes |= own.codes
        found.statuses |= own.statuses
        found.may_be_pending |= own.may_be_pending
        waiting += own.functions
    return found


@functools.cache
def _read_one(function: FunctionType) -> Found:
    found = Found()
    names = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    for node in _nodes(_tree(function)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.codes |= _codes_in(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.codes |= _completed(node)
        elif isinstance(node, ast.Call):
            _note_statuses(node, found)
        elif isinstance(node, ast.Name | ast.Attribute):
            value = _value(node, names)
            found.codes |= _codes_in(value)
            found.functions += _functions_of(value)
    return found


@functools.cache
def _tree(function: FunctionType) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those of annotations and docstrings, which name what is not used, and the parts of a member's
    name: of a constant that is a struct only the named field counts."""
    if _is_dotted(tree):
        return
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns"):
            continue
        for node in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.AST) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                yield node
                yield from _nodes(node)


def _is_dotted(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and (isinstance(node.value, ast.Name) or _is_dotted(node.value))


def _value(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """What a name, or a member of a module, class or constant, stands for; None where that is not known."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        of = _value(node.value, names)
        if isinstance(of, ModuleType | type | msgspec.Struct):
            return getattr(of, node.attr, None)
    return None


def _functions_of(value: Any) -> Iterable[FunctionType]:
    if isinstance(value, FunctionType) and _is_ours(value.__module__):
        return [inspect.unwrap(value)] if _is_ours(inspect.unwrap(value).__module__) else []
    if isinstance(value, type) and _is_ours(value.__module__):
        own = [base for base in value.__mro__ if _is_ours(base.__module__)]
        members = [_plain(member) for base in own for member in vars(base).values()]
        return [member for member in members if isinstance(member, FunctionType) and _is_ours(member.__module__)]
    return []


def _plain(member: Any) -> Any:
    """The function of a property or a class method."""
    return getattr(member, "fget", None) or getattr(member, "__func__", member)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _ROOMS and module not in _NOT_FOLLOWED


def _codes_in(value: Any) -> set[str]:
    """The codes in a constant."""
    if isinstance(value, str):
        return {value} & set(PROBLEMS)
    if isinstance(value, Mapping) and value is not PROBLEMS and len(value) < 100:
        return set().union(*map(_codes_in, value.values()))
    if isinstance(value, tuple | frozenset):
        return set().union(*map(_codes_in, value))
    if isinstance(value, msgspec.Struct):
        return {each for name in value.__struct_fields__ for each in _codes_in(getattr(value, name, None))}
    return set()


def _completed(node: ast.JoinedStr) -> set[str]:
    """The codes that a text can be which begins like this, or ends like this after a redeemable's object."""
    texts = [part.value if isinstance(part, ast.Constant) else "" for part in (node.values[0], node.values[-1])]
    start, end = (text if isinstance(text, str) else "" for text in texts)
    if len(start) >= _SHORTEST_PREFIX and start.endswith("_"):
        return {code for code in PROBLEMS if code.startswith(start)}
    return (
        {f"{object_}{end}" for object_ in get_args(RedeemableObject)} & set(PROBLEMS) if end.startswith("_") else set()
    )


def _note_statuses(node: ast.Call, found: Found) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _STATUS_OF and node.args:
        at = node.args[0]
        given = (at.body, at.orelse) if isinstance(at, ast.IfExp) else (at,)
        found.statuses |= {each.value for each in given if isinstance(each, ast.Constant) and type(each.value) is int}
    if name == "Change":
        created = [*node.args[2:3], *(word.value for word in node.keywords if word.arg == "created")]
        found.may_be_pending |= not any(isinstance(each, ast.Constant) and each.value is True for each in created)
