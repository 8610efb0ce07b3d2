"""Receipts through the whole stack: sell, export over HTTP, verify offline; then change one row, and it is named."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from store.database import owner_connection
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually
from tools.dev.paths import ROOT

from .checkout import Checkout
from .conftest import Ledger, campaign, voucher

LIMIT = 300


async def export(checkout: Checkout, path: str, folder: Path) -> tuple[str, str]:
    """The proof and every page of receipts, in files."""
    proof, pages = folder / "proof.json", folder / "export.ndjson"
    answer = await checkout.call("GET", f"{path}/proof")
    assert answer.status == 200
    proof.write_bytes(answer.body)
    lines: list[bytes] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await checkout.call("GET", f"{path}/receipts?limit=128" + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200
        lines.append(page.body)
        cursor = page.json()["next_cursor"]
    pages.write_bytes(b"\n".join(lines))
    return str(pages), f"--proof={proof}"


def verify(*arguments: str) -> Any:
    """What the verifier prints, with no environment at all."""
    command = [sys.executable, "-m", "control_plane.cli", "verify", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    verdict = json.loads(done.stdout)
    assert done.returncode == (0 if verdict["valid"] else 1)
    return verdict


async def test_g1_a_sale_is_proven_and_one_row_that_was_changed_is_named(
    checkout: Checkout, ledger: Ledger, stack: RunningStack, tmp_path: Path
) -> None:
    sale = await campaign(checkout, discount_type="AMOUNT", discount_value=5, max_redemptions=LIMIT)
    await voucher(checkout, campaign_id=sale, code="PROVEN")
    buys = [partial(checkout.redeem, "PROVEN", f"proven-{n}", customer_id=f"prover-{n}") for n in range(LIMIT + 200)]
    sold = [answer.json()["id"] for answer in await checkout.all(buys) if answer.status == 200]
    assert len(sold) == LIMIT
    for redemption_id in sold[:3]:
        assert (await checkout.call("POST", f"/v1/redemptions/{redemption_id}/rollback")).status == 200

    async def settled() -> bool:
        return await ledger.used(f"r:{sale}") == LIMIT - 3

    await eventually(settled, "every redemption and rollback in the ledger")
    path = f"/v1/campaigns/{sale}"
    key = (await checkout.call("GET", "/v1/proof-keys")).json()["data"][0]["public_key"]
    verdict = verify(*await export(checkout, path, tmp_path), f"--public-key={key}")
    assert (verdict["valid"], verdict["count"], verdict["rolled_back"]) == (True, LIMIT, 3), verdict
    assert (verdict["net"], verdict["limit"], verdict["unopened"]) == (LIMIT - 3, LIMIT, 0)

    async with owner_connection(stack.state.database_url, "tests") as owner:
        for column in ("discount_minor", "entry_index"):
            change = "UPDATE redemptions SET {0} = {0} {1} 1 WHERE id = $1"
            await owner.execute(change.format(column, "+"), sold[100])
            verdict = verify(*await export(checkout, path, tmp_path))
            assert (verdict["valid"], verdict["faults"]) == (False, 1)
            assert verdict["first_bad"]["redemption_id"] == sold[100]
            await owner.execute(change.format(column, "-"), sold[100])
    assert verify(*await export(checkout, path, tmp_path))["valid"]
