"""Results of actions: links that anybody may follow who has one, for an hour, and the file behind it, chunk by chunk,
from its beginning or from where a download broke off.

The link says for itself what it is of, until when, and that we have said so; no key goes with a download. Must never
hold more of a file than one chunk, nor a transaction while a client reads.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import cast

import msgspec
from litestar.response import Stream

from control_plane.calls import AnyRequest
from control_plane.clock import now_ms
from control_plane.context import Context
from control_plane.jobs.spool import read_chunk
from domain.problems import Refused
from store.queries import query

LINK_TTL_MS = 3_600_000
_MOST_TOKEN_CHARS = 512
_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}

_RANGE = re.compile(r"bytes=([0-9]{1,18})-")

_ACTION, _SIZES = query("control_action"), query("control_result_sizes")


class Link(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a link is of."""

    project_id: str
    action_id: str
    expires_ms: int


def result_url(secret: bytes, project_id: str, action_id: str) -> str:
    """A link to an action's result."""
    payload = msgspec.json.encode(Link(project_id, action_id, now_ms() + LINK_TTL_MS))
    return f"/v1/results/{_text(payload)}.{_text(_seal(secret, payload))}"


async def get_result(request: AnyRequest, token: str) -> Stream:
    """GET /v1/results/{token}"""
    context = cast(Context, request.app.state.context)
    link = _read(context.secret, token)
    async with context.database.tenant_tx(link.project_id) as tx:
        row = await tx.fetchrow(_ACTION, link.project_id, link.action_id)
        if row is None or row["status"] != "done" or not row["result_chunks"]:
            raise Refused("result_not_found")
        sizes = [size["bytes"] for size in await tx.fetch(_SIZES, link.project_id, link.action_id)]
    if len(sizes) != row["result_chunks"]:
        raise Refused("result_not_found")
    format_, total = row["params"]["format"], sum(sizes)
    name = f"{row['params']['resource']}-{link.action_id}.{format_}"
    start = _start(request.headers.get("Range", ""), total)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Length": str(total - start),
        "Accept-Ranges": "bytes",
        # A result is never written twice, so its action's id tells all of its versions.
        "ETag": f'"{link.action_id}"',
    }
    if start:
        headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
    return Stream(
        _chunks(context, link, sizes, start),
        media_type=_MEDIA_TYPES[format_],
        status_code=206 if start else 200,
        headers=headers,
    )


def _start(asked: str, total: int) -> int:
    """Where a download goes on that has the beginning already; any other range is answered with the whole."""
    match = _RANGE.fullmatch(asked)
    return int(match[1]) if match is not None and int(match[1]) < total else 0


async def _chunks(context: Context, link: Link, sizes: list[int], start: int) -> AsyncIterator[bytes]:
    for number, size in enumerate(sizes):
        if start >= size:
            start -= size
            continue
        async with context.database.tenant_tx(link.project_id) as tx:
            data = await read_chunk(tx, link.project_id, link.action_id, "result", number)
        if data is None:
            # Swept while it was read: a file that ends too early must not look whole.
            raise Refused("result_not_found")
        yield data[start:]
        start = 0


def _read(secret: bytes, token: str) -> Link:
    payload, _, seal = token[:_MOST_TOKEN_CHARS].partition(".")
    link = None
    try:
        raw = _bytes(payload)
        if hmac.compare_digest(_bytes(seal), _seal(secret, raw)):
            link = msgspec.json.decode(raw, type=Link)
    except (ValueError, msgspec.DecodeError) as error:
        raise Refused("result_not_found") from error
    if link is None or link.expires_ms < now_ms():
        raise Refused("result_not_found")
    return link


def _seal(secret: bytes, payload: bytes) -> bytes:
    return hmac.digest(secret, b"vauchflow result\x00" + payload, sha256)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
