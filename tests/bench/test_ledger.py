"""A benchmark whose ledger says anything else than its answers is none."""

import msgspec
import pytest

from bench.ledger import Settled
from bench.report import describe_ledger
from bench.scrape import mean_batch, parse

_RIGHT = Settled(10, lines=10, redemptions=10, granted=10, granted_by_codes=10, exposure=0, quarantined=0)


def test_a_ledger_that_agrees_has_no_complaint() -> None:
    assert _RIGHT.complaints() == []
    assert "10 rows = 10 acknowledged" in describe_ledger(_RIGHT)


@pytest.mark.parametrize("field", ["lines", "redemptions", "granted", "granted_by_codes", "exposure", "quarantined"])
def test_one_more_or_less_is_told(field: str) -> None:
    wrong = msgspec.structs.replace(_RIGHT, **{field: getattr(_RIGHT, field) + 1})
    assert len(wrong.complaints()) == 1
    assert "LEDGER" in describe_ledger(wrong)


def test_a_batch_is_what_one_call_carried() -> None:
    before = parse('# HELP x y\nvauchflow_engine_batches_total 2.0\nvauchflow_engine_items_total 2.0\nx{a="b"} 1\n')
    after = {"vauchflow_engine_batches_total": 12.0, "vauchflow_engine_items_total": 322.0}
    assert mean_batch(before, after) == 32.0
    assert mean_batch(before, before) == 0.0
