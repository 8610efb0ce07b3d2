"""Bodies: from JSON to a schema's struct, naming every field that does not hold.

A schema is a msgspec struct whose fields may be left out (default UNSET) or must be there. A bad field is noted and
left UNSET, so that later checks can go on with the rest; whoever has finished checking calls errors.raise_if_any().
Must never convert a number through a float.
"""

import functools
from collections.abc import Iterator
from decimal import Decimal
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.problems import Errors
from domain.problems import Refused

T = TypeVar("T", bound=msgspec.Struct)

_GREATEST_EXPONENT = 18
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def read_body(raw: bytes) -> dict[str, Any]:
    """The object that a body holds; an empty body is an empty object."""
    if not raw.strip():
        return {}
    try:
        body = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Refused("malformed_body", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused("malformed_body", "The body must be a JSON object.")
    return body


def parse(raw: bytes, schema: type[T], errors: Errors) -> T:
    """The body as the schema has it, with what is wrong noted in `errors`."""
    return fill(read_body(raw), schema, "", errors)


def fill(given: dict[str, Any], schema: type[T], pointer: str, errors: Errors) -> T:
    """The struct of an object that stands at `pointer`."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(schema)}
    for name in given:
        if name not in fields:
            errors.add(f"{pointer}/{escape(name)}", "there is no such field here")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        at = f"{pointer}/{name}"
        if name in given:
            values[field.name] = _value(given[name], field.type, at, errors)
        else:
            values[field.name] = UNSET
            if field.required:
                errors.add(at, "is required")
    return schema(**values)


def escape(name: str) -> str:
    """A member's name as it stands in a JSON pointer."""
    return name[:100].replace("~", "~0").replace("/", "~1")


def _value(given: Any, type_: Any, pointer: str, errors: Errors) -> Any:
    wanted, struct, takes_decimal = _shape(type_)
    if struct is not None and isinstance(given, dict):
        return fill(given, struct, pointer, errors)
    if takes_decimal and given is not None:
        if isinstance(given, int | Decimal) and not isinstance(given, bool):
            return Decimal(given)
        errors.add(pointer, "must be a number")
        return UNSET
    if isinstance(given, Decimal) and given.adjusted() <= _GREATEST_EXPONENT and given == given.to_integral_value():
        given = int(given)  # 5.0 is a whole number
    for at, text in _texts(given, pointer):
        if "\x00" in text:
            errors.add(at, "must not contain a NUL character")
            return UNSET
    try:
        return msgspec.convert(given, wanted)
    except msgspec.ValidationError as error:
        detail, _, at = str(error).partition(" - at `")
        # Of an object it is never said which of its members: [...] stands for a value, and this for a name.
        at = at.removeprefix("key` in `").removeprefix("$").rstrip("`").replace("[...]", "")
        errors.add(pointer + at.replace(".", "/").replace("[", "/").replace("]", ""), detail)
        return UNSET


def _texts(given: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """The string that was given, or those of a list of strings, each with its place."""
    if isinstance(given, str):
        yield pointer, given
    elif isinstance(given, list):
        yield from ((f"{pointer}/{i}", item) for i, item in enumerate(given) if isinstance(item, str))


@functools.lru_cache(maxsize=256)
def _shape(type_: Any) -> tuple[Any, type[msgspec.Struct] | None, bool]:
    """The type without UNSET, the struct among its members if there is one, and whether it takes an amount."""
    members = get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)
    kept = tuple(member for member in members if member is not UnsetType)
    structs = [m for m in kept if isinstance(m, type) and issubclass(m, msgspec.Struct)]
    return Union[kept], structs[0] if structs else None, Decimal in kept  # noqa: UP007 - built at run time


class NoBody(msgspec.Struct):
    """Of routes that take none: an empty body or an empty object."""
