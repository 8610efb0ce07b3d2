"""How the codes of a batch look: what is fixed, and what is drawn from which alphabet.

Must never let a batch be guessed: there are to be a million times as many codes as are drawn.
"""

import secrets

import msgspec
from msgspec import UnsetType

from control_plane.problems import Errors
from control_plane.vouchers.schemas import VoucherBatch
from domain.ids import CODE_ALPHABET, CODE_LENGTH, MAX_CODE_LENGTH, is_code, normalise_code

DRAWN = "#"
LEAST_RATIO = 2**20


class Pattern(msgspec.Struct, frozen=True):
    """A code's spelling, '#' for each character that is drawn from the alphabet."""

    text: str = DRAWN * CODE_LENGTH
    alphabet: str = CODE_ALPHABET

    @property
    def count(self) -> int:
        """How many codes there can be."""
        return int(len(self.alphabet) ** self.text.count(DRAWN))

    def draw(self, count: int) -> list[str]:
        """So many codes, each once: fewer where chance drew one twice."""
        pieces, drawn = self.text.split(DRAWN), self.text.count(DRAWN)
        chance = secrets.SystemRandom()
        codes = []
        for _ in range(count):
            letters = [*chance.choices(self.alphabet, k=drawn), ""]
            codes.append("".join(piece + letter for piece, letter in zip(pieces, letters, strict=True)))
        return list(dict.fromkeys(codes))


def read_pattern(body: VoucherBatch, errors: Errors) -> Pattern | None:
    """How the codes are to look; None: as by default. What does not go is noted."""
    given = {
        name: value
        for name in ("pattern", "prefix", "alphabet", "length")
        if (value := getattr(body, name)) is not None and not isinstance(value, UnsetType)
    }
    if not given:
        return None
    alphabet = _alphabet(given.get("alphabet"), errors)
    if "pattern" in given:
        for name in ("prefix", "length"):
            if name in given:
                errors.add(f"/{name}", "says again what the pattern says")
        text, at = normalise_code(given["pattern"]), "/pattern"
    else:
        text = normalise_code(given.get("prefix", "")) + DRAWN * given.get("length", CODE_LENGTH)
        at = "/length" if "length" in given else "/prefix"
    if not is_code(text.replace(DRAWN, "A")):
        errors.add(at, f"makes codes of 1 to {MAX_CODE_LENGTH} letters, digits and -_.~")
    pattern = Pattern(text, alphabet)
    count: int | UnsetType = body.count  # unset where it does not hold itself
    if not isinstance(count, UnsetType) and pattern.count < count * LEAST_RATIO:
        errors.add(
            at,
            f"makes {pattern.count} codes; for {count} it takes at least {LEAST_RATIO} (2^20) times as many,"
            f" which is {count * LEAST_RATIO}, so that none can be guessed",
        )
    return pattern


def _alphabet(given: str | None, errors: Errors) -> str:
    if given is None:
        return CODE_ALPHABET
    alphabet = given.upper()
    if len(set(alphabet)) != len(alphabet) or not alphabet.isascii() or not alphabet.isalnum():
        errors.add("/alphabet", "takes letters and digits, each once, whatever their case")
        return CODE_ALPHABET
    return alphabet
