"""The proxy with real sockets: what each mode of a link does to who is connected and to who connects."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.chaos.links import Links
from tests.servers.waiting import eventually

HOST = "127.0.0.1"
LINK = "a->b"
_NOTHING_COMES_S = 0.15

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo(prefix: bytes = b"", port: int = 0) -> AsyncIterator[int]:
    """A server that says everything back, and ends its half when we end ours."""

    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                while data := await reader.read(65_536):
                    writer.write(prefix + data)
                    await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(accept, HOST, port)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)


@pytest.fixture
async def links(new_folder: Callable[[str], Path]) -> AsyncIterator[Links]:
    folder = new_folder("proxy")
    (folder / "logs").mkdir()
    made = Links(folder)
    yield made
    await made.stop()


@asynccontextmanager
async def connected(links: Links) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(HOST, links.ports[LINK])
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def says(connection: Connection, data: bytes, answer: bytes | None = None) -> None:
    connection[1].write(data)
    expected = data if answer is None else answer
    assert await asyncio.wait_for(connection[0].readexactly(len(expected)), 5) == expected


async def is_silent(reader: asyncio.StreamReader) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), _NOTHING_COMES_S)
        return False
    return True


async def is_reset(connection: Connection) -> bool:
    with suppress(ConnectionResetError, BrokenPipeError):
        connection[1].write(b"x")
        await asyncio.wait_for(connection[0].read(1), 5)
        return False
    return True


async def is_reset_at_once(links: Links) -> bool:
    """The reset may come before the client even knows that it is connected."""
    try:
        async with connected(links) as connection:
            return await is_reset(connection)
    except ConnectionResetError:
        return True


async def test_bytes_pass_both_ways_and_nothing_is_left_when_one_side_goes(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as connection:
            await says(connection, b"hello")
            await says(connection, b"x" * 3_000_000)

        async def empty() -> bool:
            return (await links.counts())[LINK][:2] == (0, 1)

        await eventually(empty, "the pair forgotten")


async def test_cut_resets_who_is_connected_and_who_connects(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as before:
            await says(before, b"hello")
            await links.set([LINK], "cut")
            assert await is_reset(before)
        assert await is_reset_at_once(links)
        await links.set([LINK], "pass")
        async with connected(links) as after:
            await says(after, b"hello")


async def test_what_is_held_comes_late_and_whole(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as connection:
            await says(connection, b"hello")
            await links.set([LINK], "hold")
            connection[1].write(b"late")
            assert await is_silent(connection[0])
            async with connected(links) as during:
                during[1].write(b"later")
                assert await is_silent(during[0])
                await links.set([LINK], "pass")
                assert await asyncio.wait_for(connection[0].readexactly(4), 5) == b"late"
                assert await asyncio.wait_for(during[0].readexactly(5), 5) == b"later"


async def test_what_is_swallowed_never_comes_and_its_connection_is_reset(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as talking, connected(links) as silent:
            await says(talking, b"hello")
            await says(silent, b"hello")
            await links.set([LINK], "swallow")
            talking[1].write(b"gone")
            assert await is_silent(talking[0])
            await links.set([LINK], "pass")
            assert await is_reset(talking)
            await says(silent, b"nothing was lost here")


async def test_a_half_close_ends_the_answer_in_the_middle(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as connection:
            await says(connection, b"hello")
            await links.half_close([LINK], 3, "down")
            connection[1].write(b"answer")
            assert await asyncio.wait_for(connection[0].read(), 5) == b"ans"


async def test_a_half_close_ends_the_request_in_the_middle(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as connection:
            await says(connection, b"hello")
            await links.half_close([LINK], 3, "up")
            connection[1].write(b"request")
            # The target saw its end, answered what it had, and ended too.
            assert await asyncio.wait_for(connection[0].read(), 5) == b"req"


async def test_a_delay_is_felt_in_each_direction_and_keeps_the_order(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        async with connected(links) as connection:
            await says(connection, b"hello")
            await links.set([LINK], delay_ms=60)
            asked = time.monotonic()
            await says(connection, b"slow")
            assert time.monotonic() - asked >= 0.12
            connection[1].write(b"one ")
            await links.set([LINK], delay_ms=0)
            await says(connection, b"two", b"one two")


async def test_a_redirected_link_goes_elsewhere_and_the_others_stay(links: Links) -> None:
    async with echo(b"old ") as old, echo(b"new ") as new:
        await links.start({LINK: old, "other->b": old})
        async with connected(links) as connection:
            await says(connection, b"hello", b"old hello")
            await links.set([LINK], target_port=new)
            assert await is_reset(connection)
        async with connected(links) as connection:
            await says(connection, b"hello", b"new hello")
        reader, writer = await asyncio.open_connection(HOST, links.ports["other->b"])
        await says((reader, writer), b"hello", b"old hello")
        writer.close()
        await writer.wait_closed()


async def test_a_kept_client_goes_on_with_whoever_comes_up_and_is_announced_there(links: Links) -> None:
    async with echo() as port:
        await links.start({LINK: port})
        reader, writer = kept = await asyncio.open_connection(HOST, links.ports[LINK])
        await says(kept, b"who I am")
        await says(kept, b"hello")
        await links.set([LINK], "hold", keeps=True)
    writer.write(b"hello again")
    async with echo(b"new ", port):
        assert await is_silent(reader)
        await links.set([LINK], "pass")
        # Of the answer to what was said first, as much is kept back as the first server had answered.
        await asyncio.wait_for(reader.readuntil(b"I amnew hello again"), 5)
        writer.close()
        await writer.wait_closed()


async def test_who_connects_to_a_target_that_is_not_there_is_reset(links: Links) -> None:
    async with echo() as port:
        pass
    await links.start({LINK: port})
    assert await is_reset_at_once(links)


async def test_links_are_found_by_their_ends(links: Links) -> None:
    async with echo() as port:
        await links.start({"a->b": port, "a->c": port, "d->b": port})
        assert links.named(source="a") == ["a->b", "a->c"]
        assert links.named(target="b") == ["a->b", "d->b"]
        assert links.named("d", "b") == ["d->b"]
