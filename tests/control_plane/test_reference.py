"""The reference: the committed document, and a page that needs no other server to show it."""

import re

import httpx
import msgspec

from tools.dev.paths import ROOT


async def test_the_document_is_the_committed_one_and_needs_no_key(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == (ROOT / "docs" / "openapi.json").read_bytes()
    assert msgspec.json.decode(answer.content)["openapi"] == "3.1.0"


async def test_the_page_loads_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"(?:src|href)=\"(?!/)", page.text) == []
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    for path in re.findall(r"(?:src|href|spec-url)=\"(/[^\"]+)\"", page.text):
        assert (await http.get(path)).status_code == 200, path
