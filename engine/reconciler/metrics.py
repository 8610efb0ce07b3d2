"""What the reconciler tells of itself, for Prometheus. Must never hold what decides anything."""

import time
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine.reconciler.entries import Entry
from engine.reconciler.inbox import Inbox
from store.ledger_rows import Fate, Kind

ALARM_KINDS = ("quarantine", "shard_stopped", "ledger_behind", "epoch_withheld")


class Metrics:
    """All shards' instruments in one registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.lag = self._gauge("lag_seconds", "Age of the oldest entry that is not settled.")
        self.pending = self._gauge("pending_events", "Events that are granted and not confirmed.")
        self.quarantine_open = self._gauge("quarantine_open", "Quarantine entries that wait for a person.")
        self.alarm = self._gauge("alarm", "1 while the alarm is open.", "kind")
        self.settled = Counter("vauchflow_reconciler_settled", "Events settled.", ["kind"], registry=self.registry)
        self.batch_events = Histogram(
            "vauchflow_reconciler_batch_events",
            "Events of one transaction.",
            buckets=(1, 4, 16, 64, 128, 256, 512, 1024),
            registry=self.registry,
        )
        self.batch_seconds = Histogram(
            "vauchflow_reconciler_batch_seconds",
            "From the beginning of a batch's transaction to its confirm.",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self.registry,
        )
        for kind in Kind:
            self.settled.labels(kind.value)
        self._shards: list[ShardMetrics] = []

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"vauchflow_reconciler_{name}", text, ["shard", *labels], registry=self.registry)

    def shard(self, number: int) -> "ShardMetrics":
        shard = ShardMetrics(self, number)
        self._shards.append(shard)
        return shard

    def render(self) -> bytes:
        """The text of /metrics."""
        now_ms = time.time() * 1000
        for shard in self._shards:
            shard.refresh(now_ms)
        return generate_latest(self.registry)


class ShardMetrics:
    """One shard's instruments."""

    def __init__(self, metrics: Metrics, shard: int) -> None:
        self._all = metrics
        self._label = str(shard)
        self._inbox: Inbox | None = None
        self._under_way_ms: int | None = None
        self._open: set[str] = set()
        self._away = ""
        for kind in ALARM_KINDS:
            metrics.alarm.labels(self._label, kind).set(0)
        metrics.pending.labels(self._label).set(0)
        metrics.quarantine_open.labels(self._label).set(0)

    def watch(self, inbox: Inbox) -> None:
        """The queue whose age is the lag, begun anew."""
        self._inbox, self._under_way_ms = inbox, None

    @contextmanager
    def settling(self, entries: Sequence[Entry]) -> Iterator[None]:
        """While a batch is under way its age is the lag; after a failure it stays so until one succeeds."""
        self._under_way_ms = entries[0].time_ms
        yield
        self._under_way_ms = None

    def refresh(self, now_ms: float) -> None:
        """The lag is only worked out when somebody asks."""
        oldest = self._under_way_ms
        if oldest is None and self._inbox is not None:
            oldest = self._inbox.oldest_ms
        self._all.lag.labels(self._label).set(0.0 if oldest is None else max(0.0, (now_ms - oldest) / 1000))

    def batch(self, entries: Sequence[Entry], seconds: float) -> None:
        """A batch is through."""
        self._all.batch_events.observe(sum(len(entry.slots) for entry in entries))
        self._all.batch_seconds.observe(seconds)

    def note(self, fates: Sequence[Fate]) -> None:
        """Count what became of a batch's events."""
        for kind, count in Tally(fate.kind for fate in fates).items():
            self._all.settled.labels(kind.value).inc(count)

    def backlog(self, events: int) -> None:
        self._all.pending.labels(self._label).set(events)

    def quarantined(self, count: int) -> None:
        self._all.quarantine_open.labels(self._label).set(count)

    def alarm(self, kind: str, *, is_open: bool) -> bool:
        """Set the gauge; whether that was a change."""
        was_open = kind in self._open
        (self._open.add if is_open else self._open.discard)(kind)
        self._all.alarm.labels(self._label, kind).set(int(is_open))
        return was_open is not is_open

    def alarms(self, kinds: Sequence[str]) -> list[str]:
        """Set the gauges to what PostgreSQL says is open; those that are new here."""
        return [kind for kind in ALARM_KINDS if self.alarm(kind, is_open=kind in kinds) and kind in kinds]

    def away(self, what: str) -> bool:
        """A store is away: whether that is news."""
        is_new, self._away = self._away != what, what
        return is_new

    def back(self) -> None:
        self._away = ""
