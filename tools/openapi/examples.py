"""Examples of bodies and answers by operation; a test holds each to its schema. Must never hold a key that works."""

from typing import Any

BODIES: dict[str, Any] = {}
ANSWERS: dict[tuple[str, int], Any] = {}
