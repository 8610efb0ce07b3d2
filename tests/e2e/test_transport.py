"""What only a real connection shows."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.servers.stack import RunningStack


@pytest.mark.parametrize("path", ["/v1/vouchers/NONE/redeem", "/v1/vouchers"])
async def test_g7_a_body_that_breaks_off_is_a_problem_and_not_an_error_of_ours(stack: RunningStack, path: str) -> None:
    state = stack.state
    parts = urlsplit(state.engine_url if path.endswith("redeem") else state.control_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n"
            f"Authorization: Bearer {state.secret_key}\r\n\r\n{{".encode()
        )
        writer.write_eof()
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"incomplete_body"' in answer
