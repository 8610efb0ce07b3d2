"""Schemas of bodies and answers, from the structs that decode and encode them.

Must never say more than the code holds to: what a check beyond the struct refuses is not in a schema.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, UNSET, UnsetType

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    Decimal: {"type": "number"},
    NoneType: {"type": "null"},
    Any: {},
    object: {},
    dict: {"type": "object"},
    msgspec.Raw: {},
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "pattern": "pattern"}


class Schemas:
    """Collects the schemas of structs, each once. One that a body has takes no other fields."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        self._types: dict[str, Any] = {}

    def of(self, type_: Any, is_body: bool) -> Schema:
        """The schema of a type; a struct's is a reference to its component."""
        if type_ in _PLAIN:
            return dict(_PLAIN[type_])
        origin, parts = get_origin(type_), get_args(type_)
        if origin is Annotated:
            return self._bounded(type_, is_body)
        if origin in (Union, UnionType):
            return self._any_of([part for part in parts if part is not UnsetType], is_body)
        if origin is Literal:
            return {"enum": list(parts)}
        if origin in (dict, Mapping):
            return self._object(parts[0], parts[1], is_body)
        if origin in (list, tuple, Sequence):
            return self._array(origin, parts, is_body)
        assert _is_struct(type_), f"{type_} has no schema"
        return self._reference(type_, is_body)

    def _any_of(self, parts: list[Any], is_body: bool) -> Schema:
        schemas = [self.of(part, is_body) for part in parts]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _object(self, key: Any, value: Any, is_body: bool) -> Schema:
        names, values = self.of(key, is_body), self.of(value, is_body)
        shown: Schema = {"type": "object"}
        if values:
            shown["additionalProperties"] = values
        if names != {"type": "string"}:
            shown["propertyNames"] = names
        return shown

    def _array(self, origin: Any, parts: tuple[Any, ...], is_body: bool) -> Schema:
        if origin is tuple and Ellipsis not in parts:
            items = [self.of(part, is_body) for part in parts]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        return {"type": "array", "items": self.of(parts[0], is_body)}

    def _bounded(self, type_: Any, is_body: bool) -> Schema:
        inner, *metas = get_args(type_)
        schema = self.of(inner, is_body)
        unit = {"array": "Items", "object": "Properties"}.get(schema.get("type", ""), "Length")
        for meta in metas:
            if isinstance(meta, msgspec.Meta):
                schema |= {name: value for each, name in _BOUNDS.items() if (value := getattr(meta, each)) is not None}
                schema |= {"min" + unit: meta.min_length} if meta.min_length is not None else {}
                schema |= {"max" + unit: meta.max_length} if meta.max_length is not None else {}
                if meta.extra:
                    schema["items"] = _or_told_of_later(schema["items"], meta.extra["taken_with"])
        return schema

    def _reference(self, type_: Any, is_body: bool) -> Schema:
        name = _name(type_)
        if self._types.setdefault(name, type_) != type_:
            name = _area(type_) + name
        assert self._types.setdefault(name, type_) == type_, f"three structs are called {name}"
        if name not in self.named:
            self.named[name] = {}  # stands there already where it refers to itself
            self.named[name] = self._struct(type_, is_body)
        return {"$ref": f"#/components/schemas/{name}"}

    def _struct(self, type_: Any, is_body: bool) -> Schema:
        class_ = get_origin(type_) or type_
        config = class_.__struct_config__
        fields = msgspec.structs.fields(type_)
        said = " ".join((class_.__doc__ or "").split())
        shown: Schema = {"type": "object", **({"description": said} if said else {}), "properties": {}}
        for field in fields:
            schema = self.of(field.type, is_body)
            if field.type is msgspec.Raw and field.encode_name == "metadata":
                schema = {"type": "object"}
            if is_body and field.default not in (NODEFAULT, UNSET, None):
                schema["default"] = field.default
            shown["properties"][field.encode_name] = schema
        always = [field for field in fields if field.required or (not is_body and _is_always_there(field, config))]
        required = [field.encode_name for field in always]
        if required:
            shown["required"] = required
        if is_body:
            shown["additionalProperties"] = False
        return shown


def _or_told_of_later(record: Schema, key: str) -> Schema:
    """A record of a list that is taken whole, and judged record by record afterwards."""
    said = "Taken as well; what is wrong with it is told among the failures of the asynchronous action."
    any_ = {"type": "object", "description": said, "properties": {key: {"type": "string"}}, "required": [key]}
    return {"anyOf": [record, any_]}


def _is_always_there(field: Any, config: Any) -> bool:
    """An answer has what is neither unset nor left out for being the default."""
    return field.default is not UNSET and not config.omit_defaults


def _is_struct(type_: Any) -> bool:
    class_ = get_origin(type_) or type_
    return isinstance(class_, type) and issubclass(class_, msgspec.Struct)


def _area(type_: Any) -> str:
    """control_plane.gift_cards.schemas: GiftCards"""
    parts = (get_origin(type_) or type_).__module__.split(".")
    return "".join(word.capitalize() for word in parts[1].split("_"))


def _name(type_: Any) -> str:
    """ListBody[VoucherView]: VoucherViewList"""
    class_ = get_origin(type_) or type_
    parts = "".join(_name(part) for part in get_args(type_))
    return f"{parts}{class_.__name__}".replace("ViewListBody", "List").replace("ListBody", "List")
