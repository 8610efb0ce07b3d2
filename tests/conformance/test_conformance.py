"""The suite: generated histories on the model and on real servers, with equal answers and equal state."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Conformance

RULES = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


def _run(url: str) -> None:
    machine = type("OnServer", (Conformance,), {"url": url})
    run_state_machine_as_test(machine, settings=RULES)


def test_g1_g3_g4_lua_does_what_the_model_says_on_valkey(redis_url: str) -> None:
    _run(redis_url)


def test_g1_g3_g4_lua_does_what_the_model_says_on_redis_7(redis7_url: str) -> None:
    _run(redis7_url)
