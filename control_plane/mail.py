"""Mail: a sender by URL, off the event loop. `smtp://` and `smtps://` send, `file:` writes into a folder, for
development and tests; without a URL nothing is sent, and the log says that something would have been.

Must never log what a mail says: it holds tokens.
"""

import asyncio
import json
import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from store import log

TIMEOUT_S = 20.0


class Mail(msgspec.Struct, frozen=True):
    """One mail to one address, in plain text."""

    to: str
    subject: str
    text: str


class Sender(Protocol):
    """Whatever takes a mail and sees to it; raises OSError where it cannot."""

    async def send(self, mail: Mail) -> None: ...


class Unset:
    """Where no mail has been set up."""

    async def send(self, mail: Mail) -> None:
        log.warning("mail is not set up: VAUCHFLOW_MAIL_URL is empty", subject=mail.subject)


class Outbox:
    """A file for each mail in a folder that its owner alone may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._count += 1
        name = f"{os.getpid()}-{self._count:06d}"
        part = self._folder / f"{name}.part"
        part.touch(mode=0o600)
        part.write_text(json.dumps(msgspec.structs.asdict(mail)), encoding="utf-8")
        part.rename(self._folder / f"{name}.json")


class Smtp:
    """An SMTP server: over TLS from the beginning (smtps), or from STARTTLS on, which is insisted on where there is a
    password to give away."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname, "settings.py has seen to that"
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or (465 if self._tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = sender

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._send, mail)

    def _send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message.set_content(mail.text)
        trusted = ssl.create_default_context()
        with self._connect(trusted) as server:
            if not self._tls and (self._user or server.has_extn("starttls")):
                server.starttls(context=trusted)
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)

    def _connect(self, trusted: ssl.SSLContext) -> smtplib.SMTP:
        if self._tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_S, context=trusted)
        server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_S)
        server.ehlo_or_helo_if_needed()
        return server


def is_mail_url(url: str) -> bool:
    """Whether a sender can be made from this."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return parts.path.startswith("/")
    return not url or (parts.scheme in ("smtp", "smtps") and bool(parts.hostname))


def sender_of(url: str, sender: str) -> Sender:
    """The sender that a URL names."""
    if not url:
        return Unset()
    if url.startswith("file:"):
        return Outbox(Path(unquote(urlsplit(url).path)))
    return Smtp(url, sender)
