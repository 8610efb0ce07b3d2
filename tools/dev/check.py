"""`./dev check`: every static check, each to its end, one verdict. Changes no file."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.dev.console import say
from tools.dev.paths import ROOT

# `docker-compose config` insists on the secrets; what they are does not matter to it.
_COMPOSE_SECRETS = (
    "POSTGRES_PASSWORD",
    "VAUCHFLOW_APP_PASSWORD",
    "VAUCHFLOW_OWNER_PASSWORD",
    "VAUCHFLOW_RECONCILER_PASSWORD",
    "VAUCHFLOW_REDIS_PASSWORD",
    "VAUCHFLOW_SECRET",
)


def run_checks() -> int:
    """Run them all and return 0 only if none has a complaint."""
    failed = [name for name, command in _checks() if not _passes(name, command)]
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _checks() -> list[tuple[str, list[str]]]:
    tool = Path(sysconfig.get_path("scripts"))
    checks = [
        ("ruff", [str(tool / "ruff"), "check", "."]),
        ("format", [str(tool / "ruff"), "format", "--check", "."]),
        ("mypy", [sys.executable, "-m", "mypy"]),
        ("imports", [str(tool / "lint-imports")]),
        ("openapi", [sys.executable, "-m", "tools.openapi", "--check"]),
        ("compose", [str(tool / "docker-compose"), "config", "--quiet"]),
        ("hadolint", [str(tool / "hadolint"), "Dockerfile"]),
    ]
    luacheck = shutil.which("luacheck")
    if luacheck is None:
        say("luacheck: not here (`apt-get install lua-check`), left out")
    elif any((ROOT / "lua").rglob("*.lua")):
        checks.append(("luacheck", [luacheck, "--quiet", "lua"]))
    return checks


def _passes(name: str, command: list[str]) -> bool:
    env = {**os.environ, **dict.fromkeys(_COMPOSE_SECRETS, "x" * 32)}
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    say(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}")
    if result.returncode != 0:
        say(result.stdout + result.stderr)
    return result.returncode == 0
