"""What a shop names by itself: ids of its customers, segments and products, and labels such as categories.

Must never change one: they are compared as they are.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UnsetType

from control_plane.queries import MOST_ID_CHARS

MOST_LABELS = 100

ShopId = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_ID_CHARS)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_ID_CHARS)]
Labels = Annotated[list[Label], msgspec.Meta(max_length=MOST_LABELS)]


def once_each(given: Sequence[str] | UnsetType | None) -> tuple[str, ...]:
    """The labels in their order, each once; none where none are given."""
    return () if isinstance(given, UnsetType) or given is None else tuple(dict.fromkeys(given))


def is_shop_id(text: str) -> bool:
    """Whether there can be such an id: what is looked up by it may be anything."""
    return 1 <= len(text) <= MOST_ID_CHARS and "\x00" not in text
