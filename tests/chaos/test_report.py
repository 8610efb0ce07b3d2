"""The table of runs: a line a run, sorted, replaced by a later run of the same seed and minutes."""

from pathlib import Path

from msgspec.structs import replace

from tests.chaos.judging import Violation
from tests.chaos.report import Result, Trial, record, record_trial, recoveries
from tests.chaos.simulated import SimulatedShop

RESULT = Result(7, 1.0, "always", {"crash": 2}, 900, 400, 0, [0.4, 3.0, 1.0], [])


def rows_of(page: Path) -> list[str]:
    return [line for line in page.read_text().splitlines() if line.startswith("| ") and "seed" not in line]


def test_lines_are_sorted_and_replaced(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text("# Runs\n\nWhat is said of them.\n")
    violated = replace(RESULT, violations=[Violation("S3", "one over"), Violation("L1", "one lost")])
    for result in (RESULT, replace(RESULT, seed=3), replace(RESULT, minutes=0.25), replace(RESULT, seed=20), violated):
        record(result, page)
    assert rows_of(page) == [
        "| 3 | 1 | always | crash 2 | 900 | 400 | 0 | 0 | 1.0 / 3.0 | held |",
        "| 7 | 0.25 | always | crash 2 | 900 | 400 | 0 | 0 | 1.0 / 3.0 | held |",
        "| 7 | 1 | always | crash 2 | 900 | 400 | 0 | 1 | 1.0 / 3.0 | L1, S3 |",
        "| 20 | 1 | always | crash 2 | 900 | 400 | 0 | 0 | 1.0 / 3.0 | held |",
    ]
    assert page.read_text().startswith("# Runs\n\nWhat is said of them.\n")


def test_the_tables_of_a_page_leave_each_other_alone(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    caught = replace(RESULT, violations=[Violation("S2", "exposed")])
    record(RESULT, page)
    record_trial(Trial("window", "W", [RESULT]), page)
    record_trial(Trial("ring", "the ring", [RESULT, caught]), page)
    with page.open("a") as file:
        file.write("\nWhat is said of them.\n")
    record(replace(RESULT, seed=3), page)
    record_trial(Trial("window", "W", [caught]), page)
    text = page.read_text()
    assert text.index("| 3 | 1 |") < text.index("| 7 | 1 |") < text.index("## Guards") < text.index("What is said")
    assert "| `window` | W | 7 (1 min) | 7 | S2 |\n| `ring` | the ring | 7 (1 min), 7 (1 min) | 7 | S2 |\n" in text


def test_a_recovery_lasts_until_both_tenants_have_sold_what_was_asked_for_after_it() -> None:
    evidence = SimulatedShop(5).run(60)
    sold = [call for call in evidence.calls if call.verb == "redeem" and call.status == 200 and not call.replayed]
    at = sold[0].asked_at - 1.0
    last = max(next(call for call in sold if call.tenant == tenant).answered_at for tenant in (0, 1))
    assert recoveries(evidence, [at, 1e9]) == [round(last - at, 2)]
