"""A client of one key, and assertions on answers."""

from dataclasses import dataclass
from typing import Any

import httpx

from control_plane.accounts.creation import MadeAccount
from domain.outcomes import PROBLEMS


class Client:
    """Calls with one bearer key; answers are httpx responses."""

    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http = http
        self._key = key

    async def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        if body is None or isinstance(body, bytes):
            return await self._http.request(method, path, content=body, headers=sent)
        return await self._http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self("POST", path, body, **more)

    async def patch(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self("PATCH", path, body, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        return await self("DELETE", path, **more)


@dataclass(frozen=True)
class Tenancy:
    """One account with its first project."""

    made: MadeAccount
    secret: Client
    publishable: Client
    admin: Client

    @property
    def project_id(self) -> str:
        return self.made.project_id


def assert_problem(response: httpx.Response, code: str, *pointers: str) -> dict[str, Any]:
    """The answer is this refusal, and names exactly these fields."""
    body: dict[str, Any] = response.json()
    known = PROBLEMS[code]
    assert body["code"] == code, body
    assert (response.status_code, body["status"]) == (known.status, known.status)
    assert response.headers["content-type"].startswith("application/problem+json")
    assert (body["title"], body["retryable"]) == (known.title, known.retryable)
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"
    if pointers:
        assert sorted(error.get("pointer", "") for error in body["errors"]) == sorted(pointers), body["errors"]
    return body


def created(response: httpx.Response) -> dict[str, Any]:
    """The body of a 201."""
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    assert "pending" not in body
    return body


def ok(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of a 200."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body
