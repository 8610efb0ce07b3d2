"""An open load: requests at a fixed rate, however long the answers take, each timed from when it was due and not from
when it could be sent. So a stall is seen in every request that it has kept waiting (no coordinated omission).

Reads an OpenLoad as JSON from stdin, prints Answers as JSON.
"""

import asyncio
import sys
import time

import msgspec
import uvloop

from tools.dev.ports import HOST

from .answers import Answers, Checker, Load, percentile
from .generator import requests

_PATIENCE_S = 10.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class OpenLoad(msgspec.Struct, frozen=True):
    """So many requests a second of this load."""

    load: Load
    per_second: int


async def run(wanted: OpenLoad) -> Answers:
    """Send every request when it is due, over a connection that is free, and wait for the last answer."""
    load = wanted.load
    loop, checker = asyncio.get_running_loop(), Checker()
    now_s = time.perf_counter  # uvloop's own clock stands still between its turns, and knows no less than a ms
    latencies_s: list[float] = []
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(load.connections):
        free.put_nowait(await asyncio.open_connection(HOST, load.port))
    make = requests(load, clock=lambda: 0.0)  # it ends by number, not by time

    async def ask(due_s: float) -> None:
        connection = await free.get()
        asked = make()
        assert asked is not None
        key, request = asked
        reader, writer = connection
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        latencies_s.append(now_s() - due_s)
        checker.take(key, int(head[9:12]), body)
        free.put_nowait(connection)

    sent, count = 0, int(load.seconds * wanted.per_second)
    began_s, tasks = now_s(), set[asyncio.Task[None]]()
    for number in range(count):
        due_s = began_s + number / wanted.per_second
        if (wait_s := due_s - now_s()) > 0:
            await asyncio.sleep(wait_s)
        tasks.add(loop.create_task(ask(due_s)))
        sent += 1
    answered, late = await asyncio.wait(tasks, timeout=_PATIENCE_S)
    for task in late:
        task.cancel()
    for task in answered:
        task.result()
    latencies_s.sort()
    return Answers(
        sent=sent,
        granted=checker.granted,
        refused=dict(checker.refused),
        wrong=checker.wrong,
        duplicates=checker.duplicates,
        lost=sent - len(latencies_s),
        seconds=now_s() - began_s,
        p50_ms=percentile(latencies_s, 0.50) * 1000,
        p99_ms=percentile(latencies_s, 0.99) * 1000,
        cpu_s=time.process_time(),
        samples=tuple(checker.samples),
    )


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=OpenLoad, dec_hook=lambda kind, value: kind(value))
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(told))))
