"""Senders of mail: a server that speaks SMTP, a folder, and none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from control_plane.mail import Mail, Outbox, Smtp, Unset, is_mail_url, sender_of

MAIL = Mail("b@example.com", "Grüße", "A link:\n\nhttps://shop.example/#token=x\n")


@asynccontextmanager
async def mail_server(greeting: bytes = b"220 here\r\n") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that takes every mail; its port, and the lines that it was sent."""
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        in_data = False
        while line := await reader.readline():
            lines.append(line.rstrip(b"\r\n"))
            verb = line[:4].upper()
            if in_data:
                in_data = line != b".\r\n"
                writer.write(b"" if in_data else b"250 taken\r\n")
            elif verb == b"DATA":
                in_data = True
                writer.write(b"354 go on\r\n")
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lines


async def test_a_mail_goes_out_by_smtp() -> None:
    async with mail_server() as (port, lines):
        await sender_of(f"smtp://127.0.0.1:{port}", "Shop <shop@example.com>").send(MAIL)
    said = {line.lower() for line in lines}
    assert {b"mail from:<shop@example.com>", b"rcpt to:<b@example.com>"} <= said
    assert b"From: Shop <shop@example.com>" in lines
    assert b"https://shop.example/#token=x" in lines


async def test_a_password_is_given_to_no_server_without_tls() -> None:
    async with mail_server() as (port, lines):
        with pytest.raises(OSError, match="STARTTLS"):
            await sender_of(f"smtp://user:secret@127.0.0.1:{port}", "shop@example.com").send(MAIL)
    assert not [line for line in lines if line.upper().startswith(b"AUTH")]


async def test_a_server_that_is_away_is_an_oserror() -> None:
    async with mail_server() as (port, _):
        pass
    with pytest.raises(OSError, match="refused"):
        await sender_of(f"smtp://127.0.0.1:{port}", "shop@example.com").send(MAIL)


def test_what_a_url_names(tmp_path: Path) -> None:
    assert isinstance(sender_of("", "x"), Unset)
    assert isinstance(sender_of(f"file://{tmp_path}", "x"), Outbox)
    assert isinstance(sender_of("smtps://host", "x"), Smtp)
    good = ("", "smtp://host", "smtps://user:word@host:465", "file:///var/mail")
    assert [is_mail_url(url) for url in good] == [True] * 4
    assert [is_mail_url(url) for url in ("host", "smtp:", "http://host", "file:relative")] == [False] * 4
