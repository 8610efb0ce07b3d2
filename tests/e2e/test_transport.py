"""What only a real connection shows."""

import asyncio
from urllib.parse import urlsplit

from tests.servers.stack import RunningStack


async def test_g7_a_body_that_breaks_off_is_a_problem_and_not_an_error_of_ours(stack: RunningStack) -> None:
    state = stack.state
    parts = urlsplit(state.engine_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(
            b"POST /v1/vouchers/NONE/redeem HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer " + state.secret_key.encode() + b'\r\n\r\n{"order_value":'
        )
        writer.write_eof()
        async with asyncio.timeout(10):
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"incomplete_body"' in answer
