"""Reads counters from a server's /metrics. Knows the text format as far as plain counters need it."""

import httpx

from tools.dev.ports import HOST


def parse(text: str) -> dict[str, float]:
    """Every sample without labels, by name."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name and not name.startswith("#") and "{" not in name:
            found[name] = float(value)
    return found


def scrape(port: int) -> dict[str, float]:
    """What the server on this port counts."""
    return parse(httpx.get(f"http://{HOST}:{port}/metrics", timeout=5).raise_for_status().text)


def mean_batch(before: dict[str, float], after: dict[str, float]) -> float:
    """Items to a script call, between two scrapes of an engine."""
    calls = after["vauchflow_engine_batches_total"] - before["vauchflow_engine_batches_total"]
    items = after["vauchflow_engine_items_total"] - before["vauchflow_engine_items_total"]
    return items / calls if calls else 0.0
