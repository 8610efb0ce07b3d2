"""What /metrics shows of this process. Labels are bounded: templates of paths, never paths."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "vauchflow_control_requests_total",
    "Requests answered, by method, route and status.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
DURATION = Histogram(
    "vauchflow_control_request_seconds",
    "Time from a request's arrival to the end of its answer.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)
PENDING_CHANGES = Counter(
    "vauchflow_control_pending_changes_total",
    "Changes that Redis could not be told at once; the projector finishes them.",
    registry=REGISTRY,
)
CODES_ISSUED = Counter("vauchflow_control_codes_issued_total", "Codes made by batches.", registry=REGISTRY)
JOB_FAILURES = Counter(
    "vauchflow_control_job_failures_total", "Attempts at a batch that ended in an error.", registry=REGISTRY
)


def exposition() -> bytes:
    """All of them in Prometheus's text format."""
    return generate_latest(REGISTRY)
