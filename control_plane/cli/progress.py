"""Bars on stderr while something long goes on; none where nobody would see one move."""

import sys
from types import TracebackType
from typing import Any, Self

import click


class Progress:
    """A bar that is told how far the work is. Without a terminal it is silent."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._at = 0
        self._is_shown = sys.stderr.isatty()
        self._has_counted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)
        elif self._has_counted:
            sys.stderr.write("\n")

    def at(self, done: int, total: int | None) -> None:
        """So much of so much is done."""
        if not self._is_shown or not total:
            return
        if self._bar is None:
            self._begin(total)
        self._bar.length = total
        self._bar.update(done - self._at)
        self._at = done

    def counted(self, done: int) -> None:
        """So much is done of nobody knows how much."""
        if self._is_shown and done:
            self._has_counted = True
            sys.stderr.write(f"\r{self._label}  {done:,} rows")
            sys.stderr.flush()

    def _begin(self, total: int) -> None:
        if self._has_counted:
            sys.stderr.write("\n")
            self._has_counted = False
        self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr, show_pos=True)
        self._bar.__enter__()
