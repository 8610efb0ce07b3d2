"""The API as commands call it: one key from the environment, never from an argument, and problems as a person reads
them.

Retries only what the server calls retryable or what never got an answer, and then with the same Idempotency-Key. Must
never follow a redirection: the key would go with it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from control_plane.cli.answering import AWAY, NOT_WELL, CommandFailed
from store.credentials import parse_key
from store.environment import SettingsError, required, text

TIMEOUT_S = 30.0
ATTEMPTS = 5
_LONGEST_PAUSE_S = 10.0
_MOST_ANSWER_BYTES = 64 << 20

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""Amounts keep their decimals: what is shown is what the API said."""
_HINTS = {
    "invalid_api_key": "VAUCHFLOW_API_KEY was revoked or rotated, or is not of the installation at VAUCHFLOW_URL.",
    "right_missing": "Make a key with the scope that this needs, or one without scopes.",
    "publishable_key": "Take a secret key (vf_sk_...).",
    "secret_key_required": "Take a secret key (vf_sk_...), or an admin key with VAUCHFLOW_PROJECT.",
    "project_not_found": "An admin key takes the project's id in VAUCHFLOW_PROJECT.",
    "body_too_large": "A file takes 64 MiB and a million rows: split it, with the header on each part.",
    "not_found": "VAUCHFLOW_URL is the base URL, without /v1.",
    "idempotency_key_reused": "Another file or request was sent with this --key: take a new one.",
    "http_404": "Nothing of Vauchflow's answers there: VAUCHFLOW_URL is the base URL, without /v1.",
}
"""What a person at a command line would do about it."""

Query = Mapping[str, str | None]
Body = Callable[[], tuple[BinaryIO | bytes, int]]
"""What is sent, from its beginning, and how long it is: asked for anew by each attempt."""


class Unanswered(Exception):
    """No whole answer came: what was asked for may have happened or not."""


class Refusal(CommandFailed):
    """The API refused, with its problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.is_retryable = bool(problem.get("retryable")) or status in (502, 503, 504)
        code = str(problem.get("code", f"http_{status}"))
        facts = {name: problem[name] for name in ("detail", "errors", "request_id") if problem.get(name)}
        if code in _HINTS:
            facts["hint"] = _HINTS[code]
        message = f"{problem.get('title') or 'the API refused'} ({status} {code})"
        super().__init__(message, AWAY if self.is_retryable else NOT_WELL, status=status, code=code, **facts)


class Api(msgspec.Struct, frozen=True):
    """Where the API is, and with which key it is asked."""

    url: str
    key: str
    project: str = ""

    @classmethod
    def from_environment(cls) -> "Api":
        url, key = required("VAUCHFLOW_URL").rstrip("/"), required("VAUCHFLOW_API_KEY")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise SettingsError("VAUCHFLOW_URL must be an address that begins with http:// or https://")
        if parse_key(key) is None:
            raise SettingsError("VAUCHFLOW_API_KEY is no key of Vauchflow's")
        return cls(url, key, text("VAUCHFLOW_PROJECT", ""))

    def get(self, path: str, query: Query | None = None) -> Any:
        """What a GET answers."""
        return self._asked("GET", path, query, None, {})

    def post(self, path: str, body: Any, key: str) -> Any:
        """What a POST answers; sent again it has no second effect."""
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._asked("POST", path, None, lambda: (raw, len(raw)), headers)

    def send(self, path: str, query: Query, body: Body, content_type: str, key: str) -> Any:
        """What a POST of a file answers; sent again it has no second effect."""
        return self._asked("POST", path, query, body, {"Content-Type": content_type, "Idempotency-Key": key})

    @contextmanager
    def fetch(self, path: str, start: int) -> Iterator[HTTPResponse]:
        """An answer to be read piece by piece, from a place on. Without the key: its link is enough."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._opened("GET", path, None, headers, with_key=False) as response:
            if response.status not in (200, 206):
                raise _refused(response)
            yield response

    def _asked(self, method: str, path: str, query: Query | None, body: Body | None, headers: dict[str, str]) -> Any:
        whole = path + ("?" + urlencode({k: v for k, v in query.items() if v is not None}) if query else "")
        for attempt in range(ATTEMPTS):
            pause_s = min(_LONGEST_PAUSE_S, 0.5 * 2**attempt)
            try:
                with self._opened(method, whole, body, headers) as response:
                    if response.status >= 300:
                        pause_s = _pause(response, pause_s)
                        raise _refused(response)
                    return _read(response)
            except Refusal as refusal:
                if not refusal.is_retryable or attempt == ATTEMPTS - 1:
                    raise
            except Unanswered as error:
                if attempt == ATTEMPTS - 1:
                    raise CommandFailed(f"{self.url} does not answer: {error}", AWAY) from error
            time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _opened(
        self, method: str, path: str, body: Body | None, headers: dict[str, str], with_key: bool = True
    ) -> Iterator[HTTPResponse]:
        parts = urlsplit(self.url)
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = make(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        own = {"Accept": "application/json", "User-Agent": "vauchflow-cli", **headers}
        if with_key:
            own["Authorization"] = f"Bearer {self.key}"
            if self.project:
                own["Vauchflow-Project"] = self.project
        sent: BinaryIO | bytes | None = None
        if body is not None:
            sent, length = body()
            own["Content-Length"] = str(length)
        try:
            # Where it was refused before all was sent, the answer says why, if there is one.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, parts.path + path, body=sent, headers=own)
            yield connection.getresponse()
        except (HTTPException, OSError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()


def _read(response: HTTPResponse) -> Any:
    raw = response.read(_MOST_ANSWER_BYTES)
    try:
        return _decode(raw or b"null")
    except msgspec.DecodeError as error:
        raise Unanswered("the answer is no JSON, or not all of it came") from error


def segment(name: str) -> str:
    """A name as part of a path."""
    return quote(name, safe="")


def _pause(response: HTTPResponse, pause_s: float) -> float:
    """As long as the server says, if it is no longer than anybody would wait."""
    told = response.headers.get("Retry-After", "")
    return min(float(told), _LONGEST_PAUSE_S) if told.isdecimal() else pause_s


def _refused(response: HTTPResponse) -> Refusal:
    raw = response.read(1 << 20)
    try:
        problem = json.loads(raw)
    except ValueError:
        problem = None
    return Refusal(response.status, problem if isinstance(problem, dict) else {})
