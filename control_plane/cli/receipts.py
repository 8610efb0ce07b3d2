"""The operator's and the auditor's commands on receipts: `verify`, which needs files alone, and `receipts`.

Writes its answer as one JSON object to stdout, what went wrong as one JSON line to stderr.
"""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from control_plane.cli.answering import answer
from control_plane.receipts.reading import MOST_RECEIPTS, decode_cursor, read_page
from control_plane.receipts.verifying import Unreadable, Verdict, read_proof, verify
from store.database import owner_connection
from store.environment import required
from store.erasing import erase_customer

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_encode = msgspec.json.Encoder().encode


class PublicKey(click.ParamType[str]):
    """An Ed25519 key, 32 bytes in hexadecimal."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).lower()
        if len(text) != 64 or any(char not in "0123456789abcdef" for char in text):
            self.fail("a public key has 64 hexadecimal digits", param, ctx)
        return text


@click.command("verify")
@click.argument("export", type=_FILE)
@click.option("--proof", "proofs", type=_FILE, multiple=True, required=True, help="may be given again: kept proofs")
@click.option("--public-key", "public_keys", type=PublicKey(), multiple=True, help="the key that must have signed")
def verify_(export: Path, proofs: tuple[Path, ...], public_keys: tuple[str, ...]) -> None:
    """Check an export of receipts against its proofs, without a server; 1 if anything is not as it was signed."""
    try:
        verdict = _verify(export, proofs, public_keys)
    except Unreadable as error:
        sys.stderr.write(_encode({"event": "verify_failed", "message": str(error)}).decode() + "\n")
        raise SystemExit(2) from error
    sys.stdout.write(_encode(verdict).decode() + "\n")
    raise SystemExit(0 if verdict.valid else 1)


def _verify(export: Path, proofs: tuple[Path, ...], public_keys: tuple[str, ...]) -> Verdict:
    read = [read_proof(path.read_bytes(), path.name) for path in proofs]
    with export.open("rb") as pages:
        return verify(pages, read, public_keys)


@click.group()
def receipts() -> None:
    """Receipts of campaigns and vouchers."""


@receipts.command("export")
@click.option("--project", required=True)
@click.option("--chain", required=True, help="the campaign's id, or that of a voucher that stands alone")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def export_(project: str, chain: str, out: Path) -> None:
    """Write every receipt of a chain into a file, as GET .../receipts answers them, a page a line."""
    answer(export_chain(project, chain, out))


@receipts.command("erase")
@click.option("--project", required=True)
@click.option("--customer", required=True)
def erase_(project: str, customer: str) -> None:
    """Take a customer out of the ledger for good; the chains stay whole, and can still be verified."""
    answer(erase(project, customer))


async def export_chain(project_id: str, chain_id: str, out: Path) -> dict[str, int]:
    """Every page of a chain into a file, one a line."""
    links, cursor = 0, 0
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        with out.open("wb") as file:
            while True:
                page = await read_page(connection, project_id, chain_id, cursor, MOST_RECEIPTS, True)
                links += sum(entry.seq is not None for entry in page.data)
                file.write(_encode(page) + b"\n")
                if page.next_cursor is None:
                    return {"links": links}
                cursor = decode_cursor(page.next_cursor) or 0


async def erase(project_id: str, customer_id: str) -> dict[str, int]:
    """Take a person out of the ledger for good."""
    async with (
        owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection,
        connection.transaction(),
    ):
        return {"erased": await erase_customer(connection, project_id, customer_id)}
