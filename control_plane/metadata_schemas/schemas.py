"""Metadata schemas on the wire."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from domain.metadata_schemas import PropertyType, ScalarType

SchemaObject = Literal[
    "campaign",
    "collection",
    "customer",
    "gift_card",
    "loyalty_card",
    "loyalty_program",
    "order",
    "product",
    "promotion_tier",
    "publication",
    "referral_program",
    "segment",
    "sku",
    "validation_rule",
    "voucher",
]
MOST_PROPERTIES = 100
MOST_NAME_CHARS = 100
MOST_OPTIONS = 100
MOST_OPTION_CHARS = 500

Properties = Annotated[dict[str, Any], msgspec.Meta(max_length=MOST_PROPERTIES)]
Options = Annotated[list[Any], msgspec.Meta(min_length=1, max_length=MOST_OPTIONS)]
Length = Annotated[int, msgspec.Meta(ge=1, le=16_384)]


class PropertyInput(msgspec.Struct, kw_only=True):
    """One property of a body. `items`: the type of an array's members."""

    type: PropertyType | UnsetType
    items: ScalarType | UnsetType | None = UNSET
    required: bool | UnsetType = UNSET
    enum: Options | UnsetType | None = UNSET
    max_length: Length | UnsetType | None = UNSET


class MetadataSchemaPut(msgspec.Struct, kw_only=True):
    """Body of a metadata schema: its properties by name, and whether metadata may have others."""

    properties: Properties | UnsetType = UNSET
    allow_undefined: bool | UnsetType = UNSET


class MetadataSchemaUpdate(msgspec.Struct, kw_only=True):
    """Body of a change: properties that are left out stay, null removes one."""

    properties: Properties | UnsetType = UNSET
    allow_undefined: bool | UnsetType = UNSET


class PropertyView(msgspec.Struct):
    """One property."""

    type: PropertyType
    items: ScalarType | None
    required: bool
    enum: list[Any] | None
    max_length: int | None


class MetadataSchemaView(msgspec.Struct):
    """A metadata schema as the API shows it."""

    id: str
    object: Literal["metadata_schema"]
    properties: dict[str, PropertyView]
    allow_undefined: bool
    created_at: str
    updated_at: str
