"""Accounts on the wire."""

from typing import Literal

import msgspec


class AccountView(msgspec.Struct):
    """The account that a key belongs to."""

    id: str
    object: Literal["account"]
    name: str
    plan: str
    status: str
    created_at: str
