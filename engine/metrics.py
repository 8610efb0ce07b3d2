"""Counts of one worker: plain integers on the hot path, rendered only when somebody asks.

Must never lock, label or format while a request is served.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Metrics:
    """What a worker counts. Every attribute is an integer that a handler adds to."""

    def __init__(self) -> None:
        self.granted = 0
        self.replayed = 0
        self.validated = 0
        self.rolled_back = 0
        self.batches = 0
        self.items = 0
        self.decided_again = 0
        self.hydrations = 0
        self.key_lookups = 0
        self.in_flight = 0
        self.fences = 0
        self.refused: Counter[str] = Counter()
        self.ring_bytes: Callable[[], int] = int
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def idle(self, timeout_s: float) -> bool:
        """Wait until nothing is in flight, at most so long; whether that was reached."""
        deadline = time.monotonic() + timeout_s
        while self.in_flight:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    def collect(self) -> Iterator[Metric]:
        """For the Prometheus registry."""
        counters = {
            "granted": "Redemptions granted",
            "replayed": "Answers replayed for a known Idempotency-Key",
            "validated": "Validations answered",
            "rolled_back": "Rollbacks answered",
            "batches": "Script calls",
            "items": "Items committed in script calls",
            "decided_again": "Decisions made again because a definition or an interval had changed",
            "hydrations": "Hydrations from PostgreSQL",
            "key_lookups": "API keys looked up in PostgreSQL",
            "fences": "Times that an epoch turned out to be over",
        }
        for name, help_text in counters.items():
            family = CounterMetricFamily(f"vauchflow_engine_{name}", help_text)
            family.add_metric([], getattr(self, name))
            yield family
        refused = CounterMetricFamily("vauchflow_engine_refused", "Refusals by code", labels=["code"])
        for code, count in self.refused.items():
            refused.add_metric([code], count)
        yield refused
        in_flight = GaugeMetricFamily("vauchflow_engine_in_flight", "Requests in flight")
        in_flight.add_metric([], self.in_flight)
        yield in_flight
        ring = GaugeMetricFamily("vauchflow_engine_ring_bytes", "Answers that the ledger has not confirmed yet")
        ring.add_metric([], self.ring_bytes())
        yield ring

    def render(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
