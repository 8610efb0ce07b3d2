"""Writes the examples of the OpenAPI document, from a tour of a running ./dev: `python -m tests.e2e.examples FOLDER`.

Then `./dev openapi` takes them in. Must never write a key that works.
"""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tools.dev.paths import ROOT, Home
from tools.dev.state import State

from .tour import STEPS
from .touring import Tour

TARGET = ROOT / "tools" / "openapi" / "examples.json"
_NOT_SHOWN = ("getOpenApiDocument",)
_KEY = re.compile(r"vf_(sk|pk|ak)_\w+")


async def collect(state: State, outbox: Path) -> dict[str, Any]:
    """The first body of each operation, and its first answer of each status."""
    bodies: dict[str, Any] = {}
    answers: dict[str, dict[str, Any]] = {}
    tour = Tour({"mark": str(int(time.time()))[-5:]}, outbox)
    async with httpx.AsyncClient(base_url=state.api_url, timeout=30) as http:
        for step in STEPS:
            key = state.admin_key if step.is_admins else state.secret_key
            answer = await tour.take(http, step, {"Authorization": f"Bearer {key}"})
            if step.body is not None:
                bodies.setdefault(step.operation, tour.filled(step.body))
            if answer.is_success and answer.content and step.operation not in _NOT_SHOWN:
                shown = answer.json()
                if isinstance(shown.get("data"), list):
                    shown["data"] = shown["data"][:1]
                answers.setdefault(step.operation, {}).setdefault(str(answer.status_code), shown)
    return {"bodies": dict(sorted(bodies.items())), "answers": dict(sorted(answers.items()))}


def main(folder: str) -> None:
    """Take the tour, and write what it has seen."""
    home = Home(Path(folder).resolve())
    text = json.dumps(asyncio.run(collect(State.load(home.state_file), home.outbox)), indent=1, ensure_ascii=False)
    TARGET.write_text(_KEY.sub(r"vf_\1_...", text) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
