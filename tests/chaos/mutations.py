"""Guards that may be taken out of a copy of the product, each by its name. A run without one must end in a violation:
that is how it is known that the checker sees what the guard is for. Must never be applied to anything but a copy.
"""

from tests.chaos.tree import Patch

_COMMIT, _ADMIT = "lua/commit.lua", "lua/includes/admit.lua"

MUTATIONS: dict[str, tuple[Patch, ...]] = {
    # Several grants of one call are judged against the same numbers.
    "overlay": (
        Patch(_ADMIT, "local granted = counter.granted + counter.taken", "local granted = counter.granted"),
        Patch(_ADMIT, "granted - counter.confirmed + amount", "granted + counter.taken - counter.confirmed + amount"),
    ),
    "window": (Patch(_ADMIT, "if granted - counter.confirmed + amount > window then", "if false then"),),
    # What is closed, or was never opened here, is granted from all the same.
    "fence": (Patch(_COMMIT, "if meta[1] ~= 'open' then", "if meta[1] == 'never' then"),),
    # A key that was granted is judged anew.
    "idempotency-first": (
        Patch(_COMMIT, "    elseif record then\n", "    elseif false then\n"),
        Patch(_COMMIT, "    if fresh[number] then\n", "    if false then\n"),
    ),
    # Decided from a definition that has changed meanwhile.
    "versions": (Patch(_COMMIT, "    if version ~= checks[i + 1] then\n", "    if version == 0 then\n"),),
    # A confirm that comes twice is taken twice.
    "position-compare-and-set": (Patch("lua/confirm.lua", "if meta[2] ~= ARGV[1] then", "if false then"),),
}
