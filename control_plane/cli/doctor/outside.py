"""What lies outside: the mail server, and the address that people's browsers use."""

import os
import smtplib
import ssl
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from control_plane.cli.doctor.findings import Finding, error, notice, warning

TIMEOUT_S = 5.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def examine_mail(url: str) -> list[Finding]:
    """Whether mail would get out. Sends none, and logs in only where that is encrypted."""
    if not url:
        return [
            warning(
                "mail_unset",
                "VAUCHFLOW_MAIL_URL is empty: no mail is sent.",
                "Nobody can be invited, and who forgets a password has no way back in.",
                "Set it to smtp://user:password@host:587 or smtps://..., and VAUCHFLOW_MAIL_FROM.",
            )
        ]
    if url.startswith("file:"):
        return _outbox(Path(unquote(urlsplit(url).path)))
    try:
        _greet(url)
    except (OSError, smtplib.SMTPException) as failure:
        return [
            error(
                "mail_unreachable",
                f"The mail server does not take us: {type(failure).__name__}.",
                "Invitations and resets are answered with 503 or get lost.",
                "Check host, port, certificate, user and password in VAUCHFLOW_MAIL_URL, and that this host may get "
                "out on that port.",
            )
        ]
    return []


def _outbox(folder: Path) -> list[Finding]:
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return [
            error(
                "mail_unwritable",
                f"{folder} cannot be written.",
                "Invitations and resets fail.",
                "Make the folder writable for the control plane, or set an smtp:// URL.",
            )
        ]
    return [
        notice(
            "mail_to_folder",
            f"Mail is written into {folder}, and not sent.",
            "That is for development: the files hold links that let people in.",
            "Set VAUCHFLOW_MAIL_URL to smtp://user:password@host:587 or smtps://...",
        )
    ]


def _greet(url: str) -> None:
    parts, trusted = urlsplit(url), ssl.create_default_context()
    host, is_tls = parts.hostname or "", parts.scheme == "smtps"
    port = parts.port or (465 if is_tls else 587)
    server = (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=trusted)
        if is_tls
        else smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    )
    with server:
        server.ehlo_or_helo_if_needed()
        if not is_tls and (parts.username or server.has_extn("starttls")):
            server.starttls(context=trusted)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))


def examine_public_url(url: str) -> list[Finding]:
    """Whether links in mails lead somewhere, and nobody reads along."""
    parts = urlsplit(url)
    if not url or parts.hostname in _LOOPBACK:
        return [
            warning(
                "public_url_local",
                f"VAUCHFLOW_PUBLIC_URL is {url or 'not set'}: links in mails lead to the reader's own machine.",
                "Invitations and resets cannot be followed, unless you work on this machine alone.",
                "Set it to the address that browsers use, with https://.",
            )
        ]
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return [
            error(
                "setting_invalid",
                "VAUCHFLOW_PUBLIC_URL must be an address that begins with http:// or https://.",
                "The control plane refuses to start with it.",
                "Set it to the address that browsers use, with https://.",
            )
        ]
    found = []
    if parts.scheme == "http":
        found.append(
            error(
                "public_url_without_tls",
                "VAUCHFLOW_PUBLIC_URL begins with http://.",
                "Keys, passwords and sessions travel where everybody on the way can read them; browsers do not send "
                "the session's cookie.",
                "Let the gateway take a certificate (VAUCHFLOW_SITE; deploy/Caddyfile), and write https://.",
            )
        )
    return found + _fetched(url)


def _fetched(url: str) -> list[Finding]:
    request = Request(f"{url.rstrip('/')}/v1/openapi.json", headers={"User-Agent": "vauchflow-doctor"})  # noqa: S310 - http(s) only, see above
    try:
        with urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            return []
    except HTTPError as failure:
        why = f"answers {failure.code} for /v1/openapi.json"
    except (URLError, HTTPException, OSError) as failure:
        why = f"does not answer from here: {type(getattr(failure, 'reason', failure)).__name__}"
    return [
        warning(
            "public_url_unreachable",
            f"VAUCHFLOW_PUBLIC_URL {why}.",
            "Who follows a link in a mail gets no further; or only this host does not see the gateway.",
            "See that the gateway runs and the name leads to it; try the address in a browser.",
        )
    ]
