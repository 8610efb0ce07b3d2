"""Each process is told what it needs and no secret besides."""

from pathlib import Path

import pytest

from tools.dev.paths import Home
from tools.dev.ports import Ports
from tools.dev.product import Product, url_as
from tools.dev.state import Secrets


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(
        home=Home(tmp_path),
        ports=Ports(8700),
        secrets=Secrets(),
        owner_url="postgresql://vauchflow_owner:owner@127.0.0.1:8703/vauchflow",
        redis_url="redis://:password@127.0.0.1:8704/0",
        trust_aof=True,
    )


def test_another_role_on_the_same_database() -> None:
    assert url_as("postgresql://a:b@h:1/d?x=y", "app", "p/w@") == "postgresql://app:p%2Fw%40@h:1/d?x=y"
    assert url_as("postgresql://h/d", "app", "pw") == "postgresql://app:pw@h/d"


def test_servers_never_see_the_owner(product: Product) -> None:
    for program in (product.engine(0), product.control_plane(), product.reconciler()):
        assert not any("vauchflow_owner" in value for value in program.env.values())


def test_the_reconciler_has_no_use_for_the_key_of_api_keys(product: Product) -> None:
    assert "VAUCHFLOW_SECRET" not in product.reconciler().env


def test_engines_are_named_and_placed_by_their_number(product: Product) -> None:
    engines = [product.engine(index) for index in range(3)]
    assert [engine.name for engine in engines] == ["engine", "engine-2", "engine-3"]
    assert [engine.env["VAUCHFLOW_PORT"] for engine in engines] == ["8701", "8710", "8711"]


def test_no_secret_stands_in_an_argument(product: Product) -> None:
    programs = [product.migrate(), product.create_account(), product.engine(0), product.reconciler()]
    secrets = [value for value in vars_of(product.secrets) if value]
    for program in programs:
        assert not any(secret in argument for argument in program.argv for secret in secrets)


def vars_of(secrets: Secrets) -> list[str]:
    return [getattr(secrets, name) for name in Secrets.__dataclass_fields__ if name != "demo_accounts"]
