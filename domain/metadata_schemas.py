"""What metadata must look like: properties by name, each with a type, and whether others may stand beside them.

Must never change what it judges.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

ScalarType = Literal["string", "number", "boolean", "date", "datetime"]
PropertyType = Literal["string", "number", "boolean", "date", "datetime", "array"]
Fault = tuple[tuple[str | int, ...], str]
"""Where within the metadata, and what is wrong there."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")


class Property(msgspec.Struct, frozen=True, omit_defaults=True):
    """One property. `items` is the type of an array's members; `enum` and `max_length` are of each value, be it the
    property's own or a member's."""

    type: PropertyType
    items: ScalarType | None = None
    required: bool = False
    enum: tuple[Any, ...] | None = None
    max_length: int | None = None


class MetadataSchema(msgspec.Struct, frozen=True):
    """What the metadata of one kind of thing must look like."""

    properties: dict[str, Property] = {}
    allow_undefined: bool = True

    def faults(self, metadata: dict[str, Any]) -> Iterator[Fault]:
        """All that does not hold. A property that is null is as good as left out."""
        for name, wanted in self.properties.items():
            value = metadata.get(name)
            if value is None:
                if wanted.required:
                    yield (name,), "is required"
            elif wanted.type != "array":
                yield from _faults(value, wanted.type, wanted, (name,))
            elif not isinstance(value, list):
                yield (name,), "must be a list"
            else:
                for place, member in enumerate(value):
                    yield from _faults(member, wanted.items or "string", wanted, (name, place))
        if not self.allow_undefined:
            for name in metadata:
                if name not in self.properties:
                    yield (name,), "is not among the properties of the metadata schema"


def holds_type(value: Any, type_: ScalarType) -> bool:
    """Whether a value is of a type; dates are texts in ISO 8601."""
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ == "number":
        return isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    try:
        if type_ == "date":
            return bool(_DAY.fullmatch(value)) and date.fromisoformat(value) is not None
        if type_ == "datetime":
            return bool(_TIME.fullmatch(value)) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False
    return True


def _faults(value: Any, type_: ScalarType, wanted: Property, at: tuple[str | int, ...]) -> Iterator[Fault]:
    if not holds_type(value, type_):
        article = "a time in ISO 8601" if type_ == "datetime" else f"a {type_}"
        yield at, f"must be {article}"
    elif wanted.enum is not None and value not in wanted.enum:
        yield at, f"must be one of {', '.join(map(str, wanted.enum))}"[:500]
    elif wanted.max_length is not None and isinstance(value, str) and len(value) > wanted.max_length:
        yield at, f"is longer than {wanted.max_length} characters"
