"""What options take: each is checked before anything is connected to."""

import getpass
from typing import Any

import click

from store.environment import MOST_SHARDS

SHARD = click.IntRange(0, MOST_SHARDS - 1)


class CurrencyCode(click.ParamType[str]):
    """Three capital letters, as ISO 4217 has them."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).upper()
        if len(text) != 3 or not text.isascii() or not text.isalpha():
            self.fail("a currency has three letters", param, ctx)
        return text


class Name(click.ParamType[str]):
    """What people call a thing: 1 to 200 characters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if not 1 <= len(text) <= 200 or not text.isprintable():
            self.fail("a name has 1 to 200 printable characters", param, ctx)
        return text


def operator(by: str | None) -> str:
    """Who decides: as they say, else the user of this machine."""
    return by or getpass.getuser()
