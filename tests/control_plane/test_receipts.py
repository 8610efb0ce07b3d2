"""Proofs and receipts over HTTP, and `verify` on what was fetched: what was signed holds, what was changed is named."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from control_plane.app import open_context
from control_plane.receipts.schemas import ProofView
from control_plane.receipts.signing import Signer, is_signed
from control_plane.settings import Settings
from domain.events import Event, Line, Redeemed, RolledBack, encode
from domain.ids import redemption_id
from domain.ledger import Position
from store.database import Database
from store.environment import SettingsError, receipts_key
from store.ledger import settle
from store.ledger_rows import Place, Slot
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import SECRET, SHARD
from tests.servers.postgres import DatabaseUrls
from tools.dev.paths import ROOT

Settle = Callable[..., Awaitable[None]]


@pytest.fixture
async def settle_events(database: DatabaseUrls, scripts: Any) -> Settle:
    """Takes events into the ledger as the reconciler does, a batch a call."""
    at = Position()

    async def take(*events: Event) -> None:
        nonlocal at
        new = Position(1_795_000_000_000 + at.entry_seq, at.entry_seq + 1)
        slots = [Slot(new, index, new.entry_ms, encode(event), event) for index, event in enumerate(events)]
        db = await Database.connect(database.reconciler, application_name="test-reconciler", max_size=1)
        async with db.shard_tx(SHARD) as tx:
            await settle(tx, Place(SHARD, scripts.keyspace.epoch), at, new, slots)
        await db.close()
        at = new

    return take


def redeemed(tenancy: Tenancy, number: int, voucher_id: str, campaign_id: str | None) -> Redeemed:
    project, chain = tenancy.project_id, campaign_id or voucher_id
    line = Line("voucher", voucher_id, campaign_id, "SUMMER", 500, ((f"r:{chain}", 1, ""), (f"b:{chain}", 500, "")))
    return Redeemed(
        redemption_id(project, "x", str(number)), tenancy.made.account_id, project, bytes(16), f"key-{number}",
        f"cust_{number}", "EUR", 2, 2000, 500, False, (line,),
    )  # fmt: skip


class Sale:
    """A campaign with a limit of 5 and one code, four times redeemed and once rolled back."""

    def __init__(self, campaign_id: str, voucher_id: str, ids: list[str]) -> None:
        self.campaign_id, self.voucher_id, self.ids = campaign_id, voucher_id, ids
        self.path = f"/v1/campaigns/{campaign_id}"


@pytest.fixture
async def sale(api: Client, tenancy: Tenancy, settle_events: Settle) -> Sale:
    rules = {"discount_type": "AMOUNT", "discount_value": 5, "max_redemptions": 5}
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": rules}))["id"]
    voucher = created(await api.post("/v1/vouchers", {"code": "SUMMER", "campaign_id": campaign}))["id"]
    events = [redeemed(tenancy, number, voucher, campaign) for number in range(4)]
    await settle_events(*events[:3])
    await settle_events(RolledBack(events[0].id, tenancy.made.account_id, tenancy.project_id), events[3])
    return Sale(campaign, voucher, [event.id for event in events])


async def fetch(api: Client, path: str, folder: Path, query: str = "?limit=2") -> tuple[Path, Path]:
    """The proof, and then the export, in files."""
    proof, export = folder / "proof.json", folder / "export.ndjson"
    proof.write_bytes((await api.get(f"{path}/proof")).content)
    pages: list[bytes] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.get(f"{path}/receipts{query}{cursor}")
        pages.append(page.content)
        after = ok(page)["next_cursor"]
        cursor = f"&cursor={after}" if after else None
    export.write_bytes(b"\n".join(pages))
    return export, proof


def verify(export: Path, *proofs: Path, keys: tuple[str, ...] = (), code: int = 0) -> Any:
    """What the command prints, in an empty environment."""
    options = [f"--proof={proof}" for proof in proofs] + [f"--public-key={key}" for key in keys]
    command = [sys.executable, "-m", "control_plane.cli", "verify", str(export), *options]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout or done.stderr)


async def test_200_a_proof_says_how_many_and_where_the_chain_ends(api: Client, sale: Sale) -> None:
    body = ok(await api.get(f"{sale.path}/proof"))
    statement = body["statement"]
    assert (body["object"], statement["object"], statement["id"]) == ("proof", "campaign", sale.campaign_id)
    assert (statement["links"], statement["count"], statement["rolled_back"]) == (5, 4, 1)
    assert (statement["limit"], len(statement["head"])) == (5, 64)
    proof = msgspec.convert(body, ProofView)
    assert is_signed(proof.statement, proof.signature, proof.public_key)
    (key,) = ok(await api.get("/v1/proof-keys"))["data"]
    assert (key["id"], key["public_key"]) == (proof.key_id, proof.public_key)
    assert ok(await api.get("/v1/vouchers/SUMMER/proof"))["statement"]["head"] == statement["head"]


async def test_200_receipts_in_pages_hold_what_the_verifier_needs(api: Client, sale: Sale, tmp_path: Path) -> None:
    export, proof = await fetch(api, sale.path, tmp_path)
    assert len(export.read_bytes().splitlines()) == 3
    key = ok(await api.get("/v1/proof-keys"))["data"][0]["public_key"]
    verdict = verify(export, proof, keys=(key,))
    assert (verdict["valid"], verdict["count"], verdict["rolled_back"], verdict["net"]) == (True, 4, 1, 3)
    assert (verdict["limit"], verdict["pinned"], verdict["unopened"], verdict["first_bad"]) == (5, True, 0, None)
    assert verdict["head"] == json.loads(proof.read_bytes())["statement"]["head"]


async def test_200_personal_data_may_be_left_out(api: Client, sale: Sale, tmp_path: Path) -> None:
    export, proof = await fetch(api, sale.path, tmp_path, "?personal=leave_out")
    assert b"cust_" not in export.read_bytes()
    assert b"key-" not in export.read_bytes()
    verdict = verify(export, proof)
    assert (verdict["valid"], verdict["unopened"], verdict["pinned"]) == (True, 4, False)


async def test_a_row_that_was_tampered_with_is_named(api: Client, sale: Sale, tmp_path: Path, owner: Any) -> None:
    (tmp_path / "before").mkdir()
    _, kept = await fetch(api, sale.path, tmp_path / "before")
    await owner.execute("UPDATE redemptions SET discount_minor = 1999 WHERE id = $1", sale.ids[2])
    verdict = verify(*await fetch(api, sale.path, tmp_path), code=1)
    first = verdict["first_bad"]
    assert (verdict["valid"], first["what"], first["redemption_id"]) == (False, "altered", sale.ids[2])
    # Put right again, it holds against both proofs.
    await owner.execute("UPDATE redemptions SET discount_minor = 500 WHERE id = $1", sale.ids[2])
    export, proof = await fetch(api, sale.path, tmp_path)
    assert verify(export, proof, kept)["valid"]


async def test_a_standalone_voucher_has_a_chain_of_its_own(
    api: Client, tenancy: Tenancy, settle_events: Settle, tmp_path: Path
) -> None:
    voucher = created(await api.post("/v1/vouchers", {"code": "SUMMER", "discount_value": 5, "max_redemptions": 2}))
    path = "/v1/vouchers/summer"
    verdict = verify(*await fetch(api, path, tmp_path))
    assert (verdict["valid"], verdict["count"], verdict["head"]) == (True, 0, "0" * 64)
    await settle_events(redeemed(tenancy, 1, voucher["id"], None))
    verdict = verify(*await fetch(api, path, tmp_path))
    assert (verdict["count"], verdict["limit"], verdict["object"], verdict["id"]) == (1, 2, "voucher", voucher["id"])


async def test_404_what_is_not_the_tenants(api: Client, sale: Sale, new_tenancy: Any) -> None:
    other = (await new_tenancy()).secret
    for route in ("proof", "receipts"):
        assert_problem(await other.get(f"{sale.path}/{route}"), "campaign_not_found")
        assert_problem(await other.get(f"/v1/vouchers/{sale.voucher_id}/{route}"), "voucher_not_found")
        assert_problem(await other.get(f"/v1/vouchers/SUMMER/{route}"), "voucher_not_found")
        assert_problem(await api.get(f"/v1/campaigns/%00/{route}"), "campaign_not_found")
        assert_problem(await api.get(f"/v1/vouchers/%00/{route}"), "voucher_not_found")


async def test_401_403_whoever_may_not_read_the_campaign(api: Client, tenancy: Tenancy, sale: Sale) -> None:
    for path in (f"{sale.path}/proof", f"{sale.path}/receipts", "/v1/proof-keys"):
        assert_problem(await tenancy.publishable.get(path), "publishable_key")
        assert_problem(await tenancy.admin.get(path), "secret_key_required")


async def test_422_query_parameters(api: Client, sale: Sale) -> None:
    for query, parameter in (
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=99999", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=W10", "cursor"),
        ("cursor=Wy0xXQ", "cursor"),
        ("cursor=%C3%A4", "cursor"),
        ("personal=no", "personal"),
        ("page=1", "page"),
    ):
        body = assert_problem(await api.get(f"{sale.path}/receipts?{query}"), "invalid_request")
        assert [error["parameter"] for error in body["errors"]] == [parameter], query
    assert_problem(await api.get(f"{sale.path}/proof?x=1"), "invalid_request")
    assert_problem(await api.get("/v1/proof-keys?x=1"), "invalid_request")


async def test_a_proof_that_was_not_signed_so_is_refused(api: Client, sale: Sale, tmp_path: Path) -> None:
    export, proof = await fetch(api, sale.path, tmp_path)
    other_key = Signer(b"x" * 32).public_key
    assert verify(export, proof, keys=(other_key,), code=1)["first_bad"]["what"] == "unsigned"
    body = json.loads(proof.read_bytes())
    for change in ({"limit": 6}, {"count": 5}, {"signed_at": "2030-01-01T00:00:00.000Z"}):
        proof.write_text(json.dumps({**body, "statement": {**body["statement"], **change}}))
        assert verify(export, proof, code=1)["first_bad"]["what"] == "unsigned"
    for field in ("signature", "public_key"):
        proof.write_text(json.dumps({**body, field: "zz"}))
        assert verify(export, proof, code=1)["first_bad"]["what"] == "unsigned"


async def test_files_that_are_none_are_said(api: Client, sale: Sale, tmp_path: Path) -> None:
    export, proof = await fetch(api, sale.path, tmp_path)
    assert "no page" in verify(proof, proof, code=2)["message"]
    assert "no proof" in verify(export, export, code=2)["message"]
    voucher = created(await api.post("/v1/vouchers", {"code": "ALONE", "discount_value": 5}))
    (tmp_path / "other").mkdir()
    _, other = await fetch(api, f"/v1/vouchers/{voucher['id']}", tmp_path / "other")
    assert "more than one chain" in verify(export, proof, other, code=2)["message"]
    export.write_bytes(export.read_bytes().splitlines()[0])
    assert verify(export, proof, code=1)["first_bad"]["what"] == "missing"


def run(database: DatabaseUrls, *arguments: str) -> Any:
    command = [sys.executable, "-m", "control_plane.cli", "receipts", *arguments]
    env = {"VAUCHFLOW_OWNER_DATABASE_URL": database.owner}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_an_operator_exports_and_erases(
    api: Client, tenancy: Tenancy, sale: Sale, tmp_path: Path, database: DatabaseUrls
) -> None:
    fetched, proof = await fetch(api, sale.path, tmp_path, "?limit=1000")
    export = tmp_path / "operator.ndjson"
    chain = ("--project", tenancy.project_id, "--chain", sale.campaign_id)
    assert run(database, "export", *chain, "--out", str(export)) == {"links": 5}
    assert export.read_bytes().strip() == fetched.read_bytes().strip()
    assert run(database, "erase", "--project", tenancy.project_id, "--customer", "cust_2") == {"erased": 1}
    after, _ = await fetch(api, sale.path, tmp_path)
    assert b"cust_2" not in after.read_bytes()
    verdict = verify(after, proof)
    assert (verdict["valid"], verdict["count"], verdict["unopened"]) == (True, 4, 1)


def test_the_key_is_the_secrets_unless_it_has_its_own() -> None:
    derived = Signer.of(SECRET, None)
    assert derived.public_key == Signer.of(SECRET, None).public_key
    assert derived.public_key != Signer.of(SECRET + b"x", None).public_key
    assert Signer.of(SECRET, b"k" * 32).public_key == Signer(b"k" * 32).public_key != derived.public_key


async def test_a_key_of_its_own_comes_from_the_settings(database: DatabaseUrls, redis_url: str) -> None:
    settings = Settings(database.app, redis_url, SECRET, receipts_key=b"k" * 32)
    async with open_context(settings) as context:
        assert context.signer.public_key == Signer(b"k" * 32).public_key


def test_a_key_that_is_none_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, expected in (("", None), ("ab" * 32, b"\xab" * 32)):
        monkeypatch.setenv("VAUCHFLOW_RECEIPTS_KEY", value)
        assert receipts_key() == expected
    for value in ("ab", "zz" * 32, "ab" * 33):
        monkeypatch.setenv("VAUCHFLOW_RECEIPTS_KEY", value)
        with pytest.raises(SettingsError, match="64 hexadecimal"):
            receipts_key()
