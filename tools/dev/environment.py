"""Makes .venv from the pinned requirements, and runs the launcher inside it. Never touches anything else.

Installation is keyed on a hash of the requirements: a start with nothing to install costs one file read.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tools.dev.console import LauncherError, say
from tools.dev.lock import exclusive
from tools.dev.paths import ROOT, VENV

# Each file holds everything of those before it, so installing one satisfies the earlier ones as well.
LAYERS = ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt")
TO_RUN = "requirements-embedded.txt"
TO_DEVELOP = "requirements-dev.txt"

_STAMP = "vauchflow-installed.json"


def fingerprint(requirements: Path) -> str:
    """What an installation from this file is known by."""
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def is_current(venv_path: Path, root: Path, requirements: str) -> bool:
    """Tell whether the environment was made from exactly this file."""
    return _read_stamp(venv_path).get(requirements) == fingerprint(root / requirements)


def ensure(requirements: str) -> Path:
    """Make or renew .venv where needed and return its interpreter."""
    python = VENV / "bin" / "python"
    if python.exists() and is_current(VENV, ROOT, requirements):
        return python
    with exclusive(ROOT / ".vauchflow" / "environment.lock", wait=True):
        if python.exists() and is_current(VENV, ROOT, requirements):
            return python
        if not python.exists():
            say("Making .venv (once) ...")
            venv.create(VENV, with_pip=False, symlinks=True, clear=VENV.exists())
        say(f"Installing {requirements} ...")
        _install(python, ROOT / requirements)
        _write_stamp(VENV, ROOT, requirements)
    return python


def reenter(python: Path, arguments: list[str]) -> None:
    """Continue under the interpreter of .venv, as the same process; return where that is so already."""
    if Path(sys.prefix).resolve() == python.parent.parent.resolve():
        return
    os.execv(python, [str(python), str(ROOT / "dev"), *arguments])  # noqa: S606 - no shell is wanted


def _install(python: Path, requirements: Path) -> None:
    command = [*_installer(python), "--only-binary", ":all:", "--require-hashes", "-r", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LauncherError(f"installing {requirements.name} failed:\n{result.stdout}{result.stderr}")


def _installer(python: Path) -> list[str]:
    """Prefer uv for its speed; else the pip that is here, because a fresh Debian has no ensurepip."""
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
        return [*pip, "install", "--quiet", "--disable-pip-version-check"]
    raise LauncherError("neither uv nor pip is here; install one of them, e.g. `apt-get install python3-pip`")


def _read_stamp(venv_path: Path) -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads((venv_path / _STAMP).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return stamp


def _write_stamp(venv_path: Path, root: Path, requirements: str) -> None:
    installed = LAYERS[: LAYERS.index(requirements) + 1]
    stamp = {name: fingerprint(root / name) for name in installed}
    (venv_path / _STAMP).write_text(json.dumps(stamp, indent=2) + "\n")
