"""What the reference is made of: files of this repository, read once. The page's script is Redoc (MIT), as its authors
publish it; its policy lets it load nothing from anywhere else.

Must never be made from a request.
"""

import functools
from pathlib import Path

from litestar import Response

_ROOT = Path(__file__).resolve().parent
_DOCUMENT = _ROOT.parent.parent / "docs" / "openapi.json"
# Redoc writes its styles into the page and searches in a worker of its own; nothing else is allowed.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@functools.cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


def spelled_document() -> Response[bytes]:
    """The OpenAPI document of both planes, as it is in docs/openapi.json."""
    return Response(_read(_DOCUMENT), media_type="application/json")


def page() -> Response[bytes]:
    """The page at /docs."""
    return Response(_read(_ROOT / "static" / "index.html"), media_type="text/html", headers=_PAGE_HEADERS)


def script() -> Response[bytes]:
    """The page's script."""
    body = _read(_ROOT / "static" / "redoc.standalone.js")
    return Response(body, media_type="text/javascript", headers={"X-Content-Type-Options": "nosniff"})
