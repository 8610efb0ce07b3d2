"""The transport: Granian's ASGI, embedded in this process's own loop; serves until it is told to end, then drains."""

import asyncio
import signal
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from control_plane.app import create_app, open_context
from control_plane.jobs import worker as job_worker
from control_plane.referral_programs import rewarding as reward_worker
from control_plane.settings import Settings
from store import log
from store.log import where

DRAIN_S = 10.0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; what is under way then is answered, for at most DRAIN_S."""
    async with open_context(settings) as context:
        app = create_app(context)
        server: Any = Server(
            app,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
            log_level=LogLevels.warning,
        )
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        serving = asyncio.create_task(server.serve())
        told = asyncio.create_task(ended.wait())
        jobs = asyncio.create_task(job_worker.work(context))
        rewards = asyncio.create_task(reward_worker.work(context))
        log.info("serving", host=settings.host, port=settings.port)
        await asyncio.wait({serving, told, jobs, rewards}, return_when=asyncio.FIRST_COMPLETED)
        unexpected = serving.done() or jobs.done() or rewards.done()
        await app.drained(DRAIN_S)
        server.stop()
        told.cancel()
        for worker in (jobs, rewards):
            worker.cancel()  # at worst in the middle of a transaction, which is rolled back and made again
        for result in await asyncio.gather(serving, told, jobs, rewards, return_exceptions=True):
            if isinstance(result, Exception):
                log.error("task failed", error=type(result).__name__, where=where(result))
        log.info("stopped")
        if unexpected:
            raise SystemExit(1)
