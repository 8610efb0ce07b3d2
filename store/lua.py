"""Loads Lua commands from lua/ and resolves their includes.

A command names its includes in lines `-- @include NAME`; each include is one function or table in
lua/includes/NAME.lua, put in once, in the order of first mention, before what mentions it. Must never send anything.
"""

import re
from hashlib import sha1
from pathlib import Path

import msgspec

LUA = Path(__file__).resolve().parent.parent / "lua"
_INCLUDE = re.compile(r"^-- @include (\S+)[ \t]*$", re.MULTILINE)


class LuaError(Exception):
    """A script that cannot be assembled: says the file and the line."""


class Script(msgspec.Struct, frozen=True):
    """A whole script as the server gets it, and the SHA-1 by which EVALSHA knows it."""

    name: str
    source: str
    sha: str


def load(name: str, folder: Path = LUA) -> Script:
    """The command lua/NAME.lua with its includes; LuaError names file and line of a missing one or a cycle."""
    path = folder / f"{name}.lua"
    source = _resolve(path, folder, (), set())
    return Script(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())


def _resolve(path: Path, folder: Path, chain: tuple[Path, ...], seen: set[Path]) -> str:
    text = path.read_text(encoding="utf-8")

    def put(match: re.Match[str]) -> str:
        target = folder / "includes" / f"{match[1]}.lua"
        where = f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}"
        if target in (*chain, path):
            raise LuaError(f"{where}: include cycle through {match[1]}")
        if not target.is_file():
            raise LuaError(f"{where}: no include named {match[1]}")
        if target in seen:
            return ""
        seen.add(target)
        return _resolve(target, folder, (*chain, path), seen).rstrip("\n")

    return _INCLUDE.sub(put, text)
