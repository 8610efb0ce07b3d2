"""The operator's commands as processes, as an operator runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.outcomes import Status
from store.credentials import hash_key, parse_key, signing_secret
from store.keys import Keyspace
from store.link import Link
from store.migrate import read_migrations
from store.scripts import Scripts
from tests.servers.postgres import DatabaseUrls, PostgresServer
from tests.store.cards import ISSUE
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base

SECRET = "a-secret-of-a-test-with-enough-length"


def run(database: DatabaseUrls, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "VAUCHFLOW_OWNER_DATABASE_URL": database.owner,
        "VAUCHFLOW_SECRET": SECRET,
        **env,
    }
    command = [sys.executable, "-m", "control_plane.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def create(database: DatabaseUrls, *more: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return run(database, "account", "create", "--name", "Demo", "--project", "Demo", *more, **env)


async def test_account_create_prints_keys_that_the_lookup_knows(database: DatabaseUrls, owner: Any) -> None:
    done = create(database, "--currency", "eur", "--shard", "3")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    keys = {"secret_key", "publishable_key", "admin_key"}
    twin = {"test_project_id", "test_secret_key", "test_publishable_key"}
    assert set(made) == {"account_id", "project_id"} | keys | twin
    for name, type_ in (("secret_key", "SECRET"), ("publishable_key", "PUBLISHABLE"), ("admin_key", "ADMIN")):
        assert parse_key(made[name]) == type_
        row = await owner.fetchrow("SELECT * FROM lookup_api_key($1)", hash_key(signing_secret(SECRET), made[name]))
        assert (row["type"], row["account_id"], row["shard"]) == (type_, made["account_id"], 3)
        assert row["project_id"] == (None if type_ == "ADMIN" else made["project_id"])
        assert row["currency"] == (None if type_ == "ADMIN" else "EUR")


async def test_no_key_is_stored_in_clear(database: DatabaseUrls, owner: Any) -> None:
    made = json.loads(create(database).stdout)
    for row in await owner.fetch("SELECT to_jsonb(k)::text AS text FROM api_keys k"):
        for name in ("secret_key", "publishable_key", "admin_key"):
            assert made[name][6:-6] not in row["text"]


@pytest.mark.parametrize(
    ("more", "env", "message"),
    [
        ((), {"VAUCHFLOW_SECRET": "short"}, "at least 32"),
        (("--shard", "8"), {}, "VAUCHFLOW_SHARDS is 8"),
        (("--currency", "EURO"), {}, "three letters"),
        (("--plan", "No Plan"), {}, "accounts_plan_check"),
    ],
)
def test_what_cannot_be_made_is_said_and_leaves_nothing(
    database: DatabaseUrls, more: tuple[str, ...], env: dict[str, str], message: str
) -> None:
    done = create(database, *more, **env)
    assert done.returncode != 0
    assert message in done.stderr
    assert done.stdout == ""


def test_migrate_brings_an_empty_database_up_to_this_version(postgres_server: PostgresServer) -> None:
    urls = postgres_server.urls("empty_for_migrate")
    passwords = {"VAUCHFLOW_APP_PASSWORD": "app-of-a-test", "VAUCHFLOW_RECONCILER_PASSWORD": "reconciler-of-a-test"}
    postgres_server._execute(f"CREATE DATABASE {urls.name} OWNER vauchflow_owner")
    try:
        assert run(urls, "migrate", VAUCHFLOW_APP_PASSWORD="").returncode == 2
        known = [migration.name for migration in read_migrations()]
        assert json.loads(run(urls, "migrate", **passwords).stdout) == {"applied": known}
        assert json.loads(run(urls, "migrate", **passwords).stdout) == {"applied": []}
    finally:
        postgres_server.drop_database(urls.name)


def test_the_exit_code_says_whether_to_try_again(database: DatabaseUrls) -> None:
    away = f"postgresql://owner:owner-of-a-test@127.0.0.1:{find_free_base()}/x"
    for env, code in (
        ({"VAUCHFLOW_OWNER_DATABASE_URL": away}, 3),
        ({"VAUCHFLOW_OWNER_DATABASE_URL": ""}, 2),
        ({"VAUCHFLOW_OWNER_DATABASE_URL": database.owner.replace("owner-of-a-test", "wrong-password")}, 1),
    ):
        done = run(database, "epoch", "list", **env)
        assert (done.returncode, done.stdout) == (code, "")
        assert json.loads(done.stderr)["event"] == "command_failed"


def test_the_command_is_found_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "control_plane").mkdir()
    done = subprocess.run(
        [ROOT / "vauchflow", "verify", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: vauchflow verify")


async def withheld_epoch(owner: Any, shard: int, redis_url: str) -> None:
    link = Link(redis_url)
    identity = await link.identity()
    await owner.execute(
        "INSERT INTO epochs (shard, epoch, state, run_id, replication_id, opened_at, withheld_epochs) "
        "VALUES ($1, 1, 'open', $2, $3, now(), 1)",
        shard,
        identity.run_id,
        identity.replication_id,
    )
    assert await Scripts(link, Keyspace(shard, 1)).open(withheld=True, bound=10) is Status.OK
    await link.close()


async def test_epochs_are_listed_and_released(database: DatabaseUrls, owner: Any, redis_url: str) -> None:
    for shard in (1, 2, 3):
        await withheld_epoch(owner, shard, redis_url)
    listed = json.loads(run(database, "epoch", "list").stdout)
    assert [(row["shard"], row["epoch"], row["withheld_epochs"]) for row in listed] == [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    env = {"VAUCHFLOW_REDIS_URL": redis_url}
    done = run(database, "epoch", "release", "--shard", "2", "--by", "Ada", **env)
    assert json.loads(done.stdout) == {"released": [2]}
    assert json.loads(run(database, "epoch", "release", "--by", "Ada", **env).stdout) == {"released": [1, 3]}
    assert json.loads(run(database, "epoch", "release", **env).stdout) == {"released": []}
    (row,) = json.loads(run(database, "epoch", "list", "--shard", "2").stdout)
    assert row["released_by"] == "Ada"


async def test_an_epoch_is_abandoned_by_name(database: DatabaseUrls, owner: Any, redis_url: str) -> None:
    await withheld_epoch(owner, 2, redis_url)
    abandon = ("epoch", "abandon", "--shard", "2", "--by", "Ada")
    assert json.loads(run(database, *abandon).stdout) == {"abandoned": 1}
    assert json.loads(run(database, *abandon).stdout) == {"abandoned": None}
    assert await owner.fetchval("SELECT state FROM epochs WHERE shard = 2") == "closed"
    detail = await owner.fetchval("SELECT detail FROM alarms WHERE kind = 'ledger_behind' AND shard = 2")
    assert detail == {"abandoned_epoch": 1, "by": "Ada"}


async def test_cards_audit_names_a_card_whose_entries_do_not_sum_to_it(database: DatabaseUrls, owner: Any) -> None:
    project = json.loads(create(database).stdout)["project_id"]
    await owner.execute("SELECT set_config('app.project_id', $1, false)", project)
    await owner.execute(ISSUE, project, 500, ["gft_1"], ["GIFT"])
    even = run(database, "cards", "audit")
    assert (even.returncode, json.loads(even.stdout)) == (0, {"even": True, "gift_cards": [], "loyalty_cards": []})
    await owner.execute("UPDATE gift_cards SET funded_minor = 400")
    uneven = run(database, "cards", "audit")
    assert uneven.returncode == 1
    assert json.loads(uneven.stdout)["gift_cards"] == [{"project_id": project, "id": "gft_1"}]
