"""What the doctor says: findings, and what could not be looked at. Knows no store."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "notice"]
"""`error`: something does not work, or a promise does not hold. `warning`: it will come to that, or nobody should leave
it so. `notice`: good to know."""

EXIT_CODES: dict[str, int] = {"error": 2, "warning": 1, "notice": 0}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be. `code` is stable; the texts are for people."""

    severity: Severity
    code: str
    what: str
    why: str
    mend: str
    shard: int | None = None


class Skipped(msgspec.Struct, frozen=True):
    """What was not looked at, and why not."""

    check: str
    because: str


class Report(msgspec.Struct):
    """All of it, the worst first."""

    findings: list[Finding] = []
    skipped: list[Skipped] = []
    checked: list[str] = []

    def add(self, check: str, found: list[Finding]) -> None:
        """A check that was made, and what it found."""
        self.checked.append(check)
        self.findings.extend(found)

    def skip(self, check: str, because: str) -> None:
        """A check that could not be made."""
        self.skipped.append(Skipped(check, because))

    def sort(self) -> None:
        """The worst first, else in the order of the checks."""
        self.findings.sort(key=lambda found: -EXIT_CODES[found.severity])

    def exit_code(self) -> int:
        """0 well, 1 warnings, 2 errors."""
        return max((EXIT_CODES[found.severity] for found in self.findings), default=0)


def error(code: str, what: str, why: str, mend: str, shard: int | None = None) -> Finding:
    """Something does not work, or a promise does not hold."""
    return Finding(severity="error", code=code, what=what, why=why, mend=mend, shard=shard)


def warning(code: str, what: str, why: str, mend: str, shard: int | None = None) -> Finding:
    """It will come to an error, or nobody should leave it so."""
    return Finding(severity="warning", code=code, what=what, why=why, mend=mend, shard=shard)


def notice(code: str, what: str, why: str, mend: str, shard: int | None = None) -> Finding:
    """Good to know."""
    return Finding(severity="notice", code=code, what=what, why=why, mend=mend, shard=shard)


def some(names: list[str], most: int = 8) -> str:
    """Names in a sentence, not all of very many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
