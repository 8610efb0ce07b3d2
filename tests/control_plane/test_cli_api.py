"""Commands that ask the API, as processes, against a stack that runs; downloads over a link that breaks."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from store.credentials import new_key
from store.database import owner_connection
from tests.control_plane.cutting import CuttingLink
from tests.servers.stack import RunningStack
from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Shop:
    """A project of a running stack, from the command line and over HTTP."""

    def __init__(self, stack: RunningStack) -> None:
        state = stack.state
        self.port = int(state.api_url.rpartition(":")[2])
        self.owner_url = state.database_url
        self.env = {"VAUCHFLOW_URL": state.api_url, "VAUCHFLOW_API_KEY": state.secret_key}
        self._http = httpx.Client(base_url=state.api_url, headers={"Authorization": f"Bearer {state.secret_key}"})

    def command(self, *arguments: str, **env: str) -> dict[str, Any]:
        """How to start a command."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("VAUCHFLOW_")}
        argv = [sys.executable, "-m", "control_plane.cli", *arguments]
        return {"args": argv, "cwd": ROOT, "env": {**clean, **self.env, **env}}

    def run(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """One command, to its end."""
        return subprocess.run(
            **self.command(*arguments, **env), capture_output=True, text=True, check=False, timeout=90
        )

    def close(self) -> None:
        self._http.close()

    def post(self, path: str, body: Any) -> Any:
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        return self._http.get(path).json()


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    shop = Shop(stack)
    yield shop
    shop.close()


def vouchers_file(folder: Path, prefix: str, count: int, *more: str) -> Path:
    file = folder / f"{prefix}.csv"
    file.write_text("code,discount_value\n" + "".join(f"{prefix}{n:05},20\n" for n in range(count)) + "\n".join(more))
    return file


def test_an_import_says_what_became_of_each_row(shop: Shop, tmp_path: Path) -> None:
    file = vouchers_file(tmp_path, "CI", 700, "CI00003,20", "CIBAD,lots")
    dry = shop.run("import", "vouchers", str(file), "--dry-run")
    assert (dry.returncode, dry.stderr) == (1, "")
    assert (json.loads(dry.stdout)["dry_run"], json.loads(dry.stdout)["failed_count"]) == (True, 1)
    assert shop.get("/v1/vouchers/CI00003")["code"] == "voucher_not_found"
    done = shop.run("import", "vouchers", str(file), "--key", "cli-import-of-a-test")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["done_count"], shown["failed_count"]) == (1, 700, 2)
    assert [(each["row"], each["code"]) for each in shown["failures"]] == [(702, "CI00003"), (703, "CIBAD")]
    again = shop.run("import", "vouchers", str(file), "--key", "cli-import-of-a-test", "--no-wait")
    assert (again.returncode, json.loads(again.stdout)) == (0, {"async_action_id": shown["id"]})
    other = shop.run("actions", "show", shown["id"], "--wait")
    assert (other.returncode, json.loads(other.stdout)["failures"]) == (1, shown["failures"])


def test_columns_are_mapped(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Kundennummer;Post\n".replace(";", ",") + "cli-map-1,a@example.com\n")
    done = shop.run("import", "customers", str(file), "--map", "Kundennummer:id", "--map", "Post:email")
    assert done.returncode == 0, done.stderr
    assert shop.get("/v1/customers/cli-map-1")["email"] == "a@example.com"


def test_files_are_those_of_the_folder_that_it_is_called_in(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("code,discount_value\nCHERE,20\n")
    command = [sys.executable, str(ROOT / "dev"), "vauchflow", "--data", str(stack.home.path)]
    done = subprocess.run(
        [*command, "import", "vouchers", "here.csv"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["done_count"]) == (0, 1), done.stderr


def test_problems_of_the_api_are_shown_with_code_pointer_and_hint(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("nothing\n1\n")
    refused = shop.run("import", "vouchers", str(file))
    told = json.loads(refused.stderr)
    assert (refused.returncode, refused.stdout, told["code"]) == (1, "", "invalid_request")
    assert {"detail": "there is no field 'nothing'", "pointer": "/0/0"} in told["errors"]
    assert told["request_id"].startswith("req_")
    key = shop.env["VAUCHFLOW_API_KEY"]
    unknown = shop.run("actions", "list", VAUCHFLOW_API_KEY=new_key("SECRET"))
    assert (unknown.returncode, json.loads(unknown.stderr)["code"]) == (1, "invalid_api_key")
    assert "revoked" in json.loads(unknown.stderr)["hint"]
    for env, code in (
        ({"VAUCHFLOW_API_KEY": key + "x"}, 2),
        ({"VAUCHFLOW_URL": "ftp://x"}, 2),
        ({"VAUCHFLOW_URL": ""}, 2),
    ):
        misused = shop.run("actions", "list", **env)
        assert (misused.returncode, key in misused.stderr) == (code, False)
    away = shop.run("actions", "list", VAUCHFLOW_URL=f"http://127.0.0.1:{find_free_base()}")
    assert (away.returncode, away.stdout) == (3, "")
    assert "does not answer" in json.loads(away.stderr)["message"]
    assert shop.run("import", "vouchers", str(tmp_path / "missing.csv")).returncode == 2


@pytest.fixture
def link(shop: Shop) -> Iterator[CuttingLink]:
    link = CuttingLink(shop.port, cut_after_bytes=100_000, cuts=0)
    yield link
    link.close()


def test_an_export_over_a_link_that_breaks_is_whole(shop: Shop, link: CuttingLink, tmp_path: Path) -> None:
    assert shop.run("import", "vouchers", str(vouchers_file(tmp_path, "CE", 3000))).returncode == 0
    straight, broken = tmp_path / "straight.csv", tmp_path / "broken.csv"
    first = shop.run("export", "vouchers", "-o", str(straight))
    answer = json.loads(first.stdout)
    rows = list(csv.DictReader(straight.read_text().splitlines()))
    assert (first.returncode, first.stderr, answer["rows"]) == (0, "", len(rows))
    assert {f"CE{n:05}" for n in range(3000)} <= {row["code"] for row in rows}
    assert answer["bytes"] == straight.stat().st_size > 300_000
    link.cuts = 3
    over = shop.run(
        "export", "vouchers", "--action", answer["async_action_id"], "-o", str(broken), VAUCHFLOW_URL=link.url
    )
    assert (over.returncode, link.cuts) == (0, 0), over.stderr
    assert broken.read_bytes() == straight.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CE.csv", "broken.csv", "straight.csv"]
    out = shop.run("export", "vouchers", "--action", answer["async_action_id"])
    assert out.stdout.splitlines() == straight.read_text().splitlines()


def test_a_download_that_was_given_up_goes_on_later(shop: Shop, link: CuttingLink, tmp_path: Path) -> None:
    assert shop.run("import", "vouchers", str(vouchers_file(tmp_path, "CG", 2000))).returncode == 0
    ordered = shop.run("export", "vouchers", "--format", "jsonl", "-o", str(tmp_path / "whole"))
    action = json.loads(ordered.stdout)["async_action_id"]
    target = tmp_path / "target"
    begun = subprocess.Popen(
        **shop.command("export", "vouchers", "--action", action, "-o", str(target), VAUCHFLOW_URL=link.url),
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    link.cuts = 1_000_000
    part = tmp_path / f"target.{action}.part"
    wait_until(lambda: part.exists() and part.stat().st_size > 0, what="the first bytes")
    begun.send_signal(signal.SIGINT)
    _, told = begun.communicate(timeout=30)
    assert begun.returncode == 130
    assert json.loads(told)["again"] == f"vauchflow export vouchers --action {action} -o {target}"
    assert 0 < part.stat().st_size < (tmp_path / "whole").stat().st_size
    assert shop.run("export", "vouchers", "--action", action, "-o", str(target)).returncode == 0
    assert target.read_bytes() == (tmp_path / "whole").read_bytes()
    assert not part.exists()
    target.rename(part)  # as after a kill between the last byte and the file's name
    assert shop.run("export", "vouchers", "--action", action, "-o", str(target)).returncode == 0
    assert target.read_bytes() == (tmp_path / "whole").read_bytes()


def test_filters_are_those_of_the_list(shop: Shop) -> None:
    shop.post("/v1/vouchers", {"code": "CF1", "discount_value": 5})
    made = shop.post("/v1/campaigns", {"name": "CLI", "rules": {"discount_value": 5}})
    shop.post("/v1/vouchers", {"code": "CF2", "campaign_id": made["id"]})
    done = shop.run("export", "vouchers", "--format", "jsonl", "--filter", f"campaign_id={made['id']}")
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == ["CF2"]
    wrong = shop.run("export", "vouchers", "--filter", "colour=red")
    assert json.loads(wrong.stderr)["errors"] == [
        {"detail": "there is no such filter here", "pointer": "/filters/colour"}
    ]
    assert shop.run("export", "vouchers", "--filter", "red").returncode == 2


def test_tail_shows_what_is_redeemed_while_it_looks(shop: Shop, tmp_path: Path) -> None:
    shop.post("/v1/vouchers", {"code": "CT", "discount_value": 10})
    before = shop.post("/v1/vouchers/CT/redeem", {"order_value": 10})["id"]
    wait_until(lambda: before in shop.run("tail", "redemptions", "--code", "CT", "--json").stdout, what="the ledger")
    out = (tmp_path / "out").open("w+")
    begun = subprocess.Popen(**shop.command("tail", "redemptions", "-f", "--code", "CT", "--json"), stdout=out)
    try:
        wait_until(lambda: before in (tmp_path / "out").read_text(), what="what was there")
        shop.post("/v1/vouchers", {"code": "CTOTHER", "discount_value": 10})
        other = shop.post("/v1/vouchers/CTOTHER/redeem", {"order_value": 10})["id"]
        made = [shop.post("/v1/vouchers/CT/redeem", {"order_value": 20})["id"] for _ in range(3)]
        wait_until(lambda: all(id_ in (tmp_path / "out").read_text() for id_ in made), what="three redemptions")
        shop.post(f"/v1/redemptions/{made[1]}/rollback", {})
        wait_until(lambda: '"rolled_back"' in (tmp_path / "out").read_text(), what="the rollback")
        begun.send_signal(signal.SIGINT)
        assert begun.wait(20) == 0
    finally:
        begun.kill()
        begun.wait()
        out.close()
    told = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [one["id"] for one in told] == [before, *made, made[1]]
    assert told[-1]["status"] == "rolled_back"
    assert other not in str(told)
    for_people = shop.run("tail", "redemptions", "--code", "CT", "-n", "2").stdout.splitlines()
    assert len(for_people) == 2
    assert "20.00 EUR" in for_people[1]


def test_a_bar_is_shown_to_a_person_alone(shop: Shop, tmp_path: Path) -> None:
    file = vouchers_file(tmp_path, "CB", 200)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", 0) as seen:
        done = subprocess.run(
            **shop.command("import", "vouchers", str(file), TERM="xterm"), stdout=subprocess.PIPE, stderr=theirs,
            check=False, timeout=60,
        )  # fmt: skip
        os.close(theirs)
        told = b""
        try:
            while piece := seen.read(4096):
                told += piece
        except OSError:
            assert told  # a terminal that is closed at the other end reads as an error
    assert done.returncode == 0
    assert json.loads(done.stdout)["done_count"] == 200
    assert b"importing" in told
    assert b"200/200" in told


async def test_quarantine_is_settled_by_the_operator(shop: Shop, stack: RunningStack) -> None:
    def operate(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return shop.run(
            "quarantine",
            *arguments,
            VAUCHFLOW_OWNER_DATABASE_URL=shop.owner_url,
            VAUCHFLOW_REDIS_URL=stack.state.redis_url,
        )

    async with owner_connection(shop.owner_url, "test-owner") as owner:
        for place, (entry, project) in enumerate((("qua_cli1", stack.state.project_id), ("qua_cli2", None))):
            await owner.execute(
                "INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, payload, "
                "reason) SELECT $1, shard, epoch, 1, 1, $3, $2, 'garbage', 'undecodable' FROM epochs "
                "WHERE state = 'open' ORDER BY shard LIMIT 1",
                entry,
                project,
                place,
            )
        listed = json.loads(operate("list").stdout)
        assert [(one["id"], one["project_id"]) for one in listed] == [
            ("qua_cli1", stack.state.project_id),
            ("qua_cli2", None),
        ]
        assert json.loads(operate("show", "qua_cli1").stdout)["event"] == {"kind": "unreadable", "bytes": 7}
        applied = operate("apply", "qua_cli1")
        assert (applied.returncode, json.loads(applied.stderr)["message"]) == (1, "the ledger cannot take it")
        for entry in ("qua_cli1", "qua_cli2"):
            done = operate("void", entry, "--by", "Ada")
            assert (json.loads(done.stdout)["status"], json.loads(done.stdout)["resolved_by"]) == ("void", "Ada")
        again = operate("void", "qua_cli1")
        assert (again.returncode, json.loads(again.stderr)["status"]) == (1, "void")
        assert json.loads(operate("list").stdout) == []
        logged = await owner.fetch("SELECT actor, action FROM audit_log WHERE object_id = 'qua_cli1'")
        assert [tuple(row) for row in logged] == [("Ada", "quarantine.void")]
