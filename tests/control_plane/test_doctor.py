"""`vauchflow doctor` on real servers: each thing that it knows of is broken for real, and it says so."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis

from control_plane.cli.doctor import clocks, postgres
from control_plane.cli.doctor.findings import Report, error, notice, warning
from control_plane.cli.doctor.schema import expected_objects
from store.schema import SCHEMA_FILE
from tests.control_plane.doctoring import SECRET, doctor, of_database, of_redis
from tests.servers.factory import ServerFactory
from tests.servers.postgres import DatabaseUrls, PostgresServer
from tests.servers.stack import RunningStack
from tests.servers.waiting import wait_until
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base


def test_a_stack_that_runs_has_only_what_a_workshop_has(stack: RunningStack) -> None:
    command = [sys.executable, str(ROOT / "dev"), "vauchflow", "--data", str(stack.home.path), "doctor"]
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)
    assert {found["code"]: found["severity"] for found in told["findings"]} == {
        "public_url_local": "warning",
        "mail_to_folder": "notice",
    }
    assert {skipped["check"] for skipped in told["skipped"]} <= {"disk"}
    assert {"migrations", "row_security", "schema", "redis", "clocks", "shards", "work", "reconciler"} <= set(
        told["checked"]
    )
    for_people = subprocess.run(command, capture_output=True, text=True, check=False)
    assert for_people.returncode == 1
    assert "mend: Set it to the address that browsers use" in for_people.stdout
    assert "1 warning, 1 notice." in for_people.stdout


DAMAGE = [
    ("DROP POLICY app_select ON vouchers", "objects_missing", "policy vouchers.app_select"),
    ("ALTER TABLE campaigns NO FORCE ROW LEVEL SECURITY", "row_security_off", "campaigns"),
    ("ALTER TABLE products DISABLE ROW LEVEL SECURITY", "row_security_off", "products"),
    ("GRANT TRUNCATE ON customers TO vauchflow_app", "grant_without_policy", "vauchflow_app TRUNCATE customers"),
    ("REVOKE SELECT ON redemptions FROM vauchflow_app", "policy_without_grant", "vauchflow_app SELECT redemptions"),
    ("DROP INDEX redemptions_by_time", "indexes_missing", "redemptions_by_time"),
    ("ALTER TABLE counters DROP CONSTRAINT counters_within_ceiling", "objects_missing", "counters_within_ceiling"),
    ("DROP FUNCTION forget_attempts", "objects_missing", "function forget_attempts"),
    ("DROP TRIGGER loyalty_entries_append_only ON loyalty_entries", "objects_missing", "loyalty_entries_append_only"),
    (
        "ALTER TABLE gift_card_entries DISABLE TRIGGER gift_card_entries_append_only",
        "objects_unsound",
        "gift_card_entries_append_only",
    ),
    ("GRANT CREATE ON SCHEMA public TO vauchflow_app", "role_too_mighty", "CREATE on the schema"),
]
MIGRATIONS = [
    ("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE version = 3", "migrations_differ", "0003_"),
    ("DELETE FROM schema_migrations WHERE version >= 3", "migrations_missing", "0003_definitions"),
    (
        "INSERT INTO schema_migrations SELECT n, 'later', repeat('0', 64) FROM generate_series(3, 9999) n",
        "database_newer",
        "this version knows",
    ),
    ("DROP TABLE schema_migrations", "never_migrated", "no tables of ours"),
]


async def test_what_is_wrong_with_the_schema_is_named(database: DatabaseUrls, owner: Any) -> None:
    for damage, _, _ in DAMAGE:
        await owner.execute(damage)
    told = of_database(database)
    for damage, code, named in DAMAGE:
        assert named in told.what(code), damage
    assert "vauchflow_app SELECT vouchers" in told.what("grant_without_policy")


async def test_a_database_of_another_version_is_named(database: DatabaseUrls, owner: Any) -> None:
    for damage, code, named in MIGRATIONS:
        await owner.execute(damage)
        told = of_database(database)
        assert (told.severity(code), "schema" in told.skipped) == ("error", True)
        assert named in told.what(code)


def test_a_schema_as_it_should_be_has_no_finding_and_a_server_that_may_forget_has(database: DatabaseUrls) -> None:
    told = of_database(database, VAUCHFLOW_APP_DATABASE_URL=database.app)
    # The tests' server is one: a crash of the machine may cost it everything.
    assert {code for code in told.findings if told.severity(code) == "error"} == {
        "setting_missing",
        "postgres_may_forget",
        "shards_never_opened",
    }
    assert "fsync = off" in told.what("postgres_may_forget")
    assert told.what("shards_never_opened").endswith("0, 1, 2, 3, 4, 5, 6, 7.")
    assert {"redis", "reconciler", "epochs in Redis"} <= set(told.skipped)


async def test_a_role_with_more_than_its_login(database: DatabaseUrls, postgres_server: PostgresServer) -> None:
    superuser = await asyncpg.connect(postgres_server.superuser_url())
    try:
        await superuser.execute("GRANT pg_monitor TO vauchflow_reconciler; ALTER ROLE vauchflow_app CREATEDB")
        told = of_database(database)
    finally:
        await superuser.execute("REVOKE pg_monitor FROM vauchflow_reconciler; ALTER ROLE vauchflow_app NOCREATEDB")
        await superuser.close()
    assert told.severity("role_too_mighty") == "error"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda urls: urls.owner, "wrong_role"),
        (lambda urls: urls.app.replace("app-of-a-test", "another-password"), "postgres_login_refused"),
        (lambda urls: urls.app.replace(f"/{urls.name}", "/nothing"), "postgres_database_missing"),
        (lambda urls: urls.app.replace(f":{urlsplit(urls.app).port}", f":{find_free_base()}"), "postgres_unreachable"),
    ],
)
def test_a_login_that_does_not_work(database: DatabaseUrls, change: Any, code: str) -> None:
    told = of_database(database, VAUCHFLOW_APP_DATABASE_URL=change(database))
    assert told.severity(code) == "error"
    assert "VAUCHFLOW_APP_DATABASE_URL" in told.what(code)


def test_postgres_is_away_and_the_rest_is_looked_at_nevertheless(redis_url: str) -> None:
    away = f"postgresql://owner:{SECRET}@127.0.0.1:{find_free_base()}/vauchflow"
    told = doctor(VAUCHFLOW_OWNER_DATABASE_URL=away, VAUCHFLOW_REDIS_URL=redis_url, VAUCHFLOW_SECRET=SECRET)
    assert told.severity("postgres_unreachable") == "error"
    assert {"redis", "clocks", "reconciler", "mail"} <= set(told.checked)
    assert {"shards", "work"} <= set(told.skipped)


@pytest.mark.parametrize(
    ("settings", "code", "severity"),
    [
        ({"appendfsync": "no"}, "aof_not_synced", "error"),
        ({"appendfsync": "everysec"}, "durability_fast", "notice"),
        ({"appendonly": "no"}, "aof_off", "error"),
        ({"maxmemory-policy": "allkeys-lru"}, "redis_evicts", "error"),
        ({"maxmemory": "0"}, "redis_unbounded", "warning"),
        ({"maxmemory": "1100000"}, "redis_nearly_full", "error"),
    ],
)
def test_a_redis_that_is_set_up_wrong(
    server_factory: ServerFactory, settings: dict[str, str], code: str, severity: str
) -> None:
    server = server_factory.valkey()
    with redis.Redis.from_url(server.url) as client:
        for name, value in settings.items():
            client.config_set(name, value)
    assert of_redis(server.url).severity(code) == severity


def test_a_redis_that_fails(server_factory: ServerFactory) -> None:
    server = server_factory.valkey()
    well = of_redis(server.url)
    assert not [code for code in well.findings if code.startswith(("redis_", "aof_", "durability_"))], well.findings
    assert well.severity("reconciler_silent") == "error"
    assert of_redis(server.url.replace("redis-of-a-test", "wrong")).severity("redis_login_refused") == "error"
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser("blind", enabled=True, passwords=["+" + SECRET], categories=["+@all"], commands=["-config"])
        told = of_redis(server.url.replace("redis://:redis-of-a-test", f"redis://blind:{SECRET}"))
        assert told.severity("redis_settings_hidden") == "warning"
        with redis.Redis.from_url(server_factory.valkey().url) as other:
            other.config_set("masterauth", "redis-of-a-test")
            other.replicaof("127.0.0.1", str(urlsplit(server.url).port))
            wait_until(lambda: client.info("replication")["connected_slaves"] == 1, what="the replica")
            assert of_redis(server.url).severity("trust_misplaced") == "warning"
            assert "trust_misplaced" not in of_redis(server.url, VAUCHFLOW_TRUST_AOF="0").findings
        client.replicaof("127.0.0.1", str(find_free_base()))
        assert of_redis(server.url).severity("redis_is_replica") == "error"
        client.replicaof("NO", "ONE")
        shutil.rmtree(server.data)
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", what="a save that fails")
        assert "rdb_last_bgsave_status" in of_redis(server.url).what("redis_cannot_write")
    server.kill()
    told = of_redis(server.url)
    assert told.severity("redis_unreachable") == "error"
    assert "reconciler" in told.skipped


def test_secrets_that_are_none_are_named_and_never_said() -> None:
    guessable = "change-me-change-me-change-me-change-me"
    owner = "postgresql://vauchflow_owner:postgres@127.0.0.1:1/vauchflow"
    told = doctor(
        VAUCHFLOW_SECRET=guessable,
        VAUCHFLOW_OWNER_DATABASE_URL=owner,
        VAUCHFLOW_APP_DATABASE_URL="postgresql://vauchflow_app:postgres@127.0.0.1:1/vauchflow",
        VAUCHFLOW_REDIS_URL="redis://127.0.0.1:1/0",
        VAUCHFLOW_SHARDS="0",
        VAUCHFLOW_MAIL_URL="smtp://",
    )
    assert {"secret_guessable", "password_guessable", "password_shared", "setting_invalid"} <= set(told.findings)
    assert guessable not in str(told.findings)
    assert "postgres@" not in str(told.findings)
    assert {"password_guessable", "password_shared"}.isdisjoint(doctor(VAUCHFLOW_SECRET=SECRET).findings)
    assert "secret_guessable" not in doctor(VAUCHFLOW_SECRET=SECRET).findings


def test_mail_and_the_public_address(tmp_path: Path) -> None:
    port = find_free_base()
    told = doctor(
        VAUCHFLOW_MAIL_URL=f"smtp://mail:{SECRET}@127.0.0.1:{port}", VAUCHFLOW_PUBLIC_URL=f"http://127.0.0.2:{port}"
    )
    assert told.severity("mail_unreachable") == "error"
    assert told.severity("public_url_without_tls") == "error"
    assert told.severity("public_url_unreachable") == "warning"
    told = doctor(VAUCHFLOW_MAIL_URL=f"file://{tmp_path}/box", VAUCHFLOW_PUBLIC_URL="ftp://example.com")
    assert told.severity("mail_to_folder") == "notice"
    assert told.severity("setting_invalid") == "error"
    assert doctor().severity("mail_unset") == "warning"


async def test_clocks_that_are_apart() -> None:
    async def ask(ahead_s: float) -> float:
        ticks.append(1)
        return 1000.0 + len(ticks) * 0.1 + ahead_s

    def host() -> float:
        ticks.append(1)
        return 1000.0 + len(ticks) * 0.1

    ticks: list[int] = []
    same = await clocks.measure("PostgreSQL", lambda: ask(0.0), host)
    assert abs(same.ahead_s) < 0.01
    assert same.doubt_s == pytest.approx(0.1)
    late = await clocks.measure("Redis", lambda: ask(-3.0), host)
    assert clocks.examine([same]) == []
    found = clocks.examine([same, late])
    assert [one.severity for one in found] == ["warning", "warning"]
    assert "this host is 3.0 s ahead of that of Redis" in found[0].what
    wrong = await clocks.measure("Redis", lambda: ask(3600.0), host)
    assert {one.severity for one in clocks.examine([wrong])} == {"error"}
    # What an exchange that took two seconds says may be off by one.
    assert clocks.examine([clocks.Offset("Redis", 1.2, 1.0)]) == []


def test_room_where_postgres_keeps_its_data(tmp_path: Path) -> None:
    folder, gb = str(tmp_path), 1 << 30
    assert postgres.examine_volume(folder, lambda _: (100 * gb, 50 * gb, 50 * gb)) == []
    low = postgres.examine_volume(folder, lambda _: (100 * gb, 90 * gb, 10 * gb))
    full = postgres.examine_volume(folder, lambda _: (100 * gb, 99 * gb, gb // 2))
    assert [(one.severity, one.code) for one in (*low, *full)] == [("warning", "disk_low"), ("error", "disk_full")]
    assert postgres.examine_volume(None) == []


async def test_the_disk_is_looked_at_where_the_role_may_know_where_it_is(
    database: DatabaseUrls, postgres_server: PostgresServer
) -> None:
    may_know = of_database(database, VAUCHFLOW_OWNER_DATABASE_URL=postgres_server.superuser_url(database.name))
    assert "disk" in may_know.checked
    assert "disk" in of_database(database).skipped


def test_the_exit_code_is_that_of_the_gravest() -> None:
    words = ("code", "what", "why", "mend")
    assert Report().exit_code() == 0
    assert Report([notice(*words)]).exit_code() == 0
    assert Report([notice(*words), warning(*words)]).exit_code() == 1
    report = Report([notice(*words), warning(*words), error(*words)])
    report.sort()
    assert [one.severity for one in report.findings] == ["error", "warning", "notice"]
    assert report.exit_code() == 2


def test_the_schema_is_read_whole() -> None:
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    expected = expected_objects(text)
    lines = [line for line in text.splitlines() if not line.startswith("        EXECUTE")]
    for kind, spelled in (("policy", "CREATE POLICY "), ("table", "CREATE TABLE "), ("trigger", " TRIGGER ")):
        count = sum(line.startswith("CREATE ") and spelled in line for line in lines)
        assert sum(one == kind for one, _ in expected) == count > 0, kind
    constraints = sum(line.strip().startswith(("CONSTRAINT ", "ADD CONSTRAINT ")) for line in lines)
    assert sum(kind == "constraint" for kind, _ in expected) == constraints > 400
