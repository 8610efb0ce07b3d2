"""Guards that may be taken out of a copy of the product, each by its name. A run without one must end in a violation:
that is how it is known that the checker sees what the guard is for. Must never be applied to anything but a copy.
"""

from tests.chaos.tree import Patch

MUTATIONS: dict[str, tuple[Patch, ...]] = {}
