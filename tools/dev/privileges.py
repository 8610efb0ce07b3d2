"""How a server that refuses to run as root runs when the launcher is root. Nothing else changes its user."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.dev.console import LauncherError

_NOBODY = 65534

# Keeps one capability through the change of user: to reach binaries and data below a home folder of root.
_SETPRIV = (
    "setpriv",
    f"--reuid={_NOBODY}",
    f"--regid={_NOBODY}",
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)


@dataclass(frozen=True, slots=True)
class Unprivileged:
    """A prefix for a command, and the user its files must belong to."""

    prefix: tuple[str, ...]
    owner: int | None

    def hand_over(self, folder: Path) -> None:
        """Give the folder to the user that the command runs as."""
        if self.owner is not None:
            os.chown(folder, self.owner, self.owner)


@functools.cache
def unprivileged() -> Unprivileged:
    """Find a way to not be root: nothing to do, a user namespace, or another user."""
    if os.geteuid() != 0:
        return Unprivileged((), None)
    if _works(("unshare", "-U", "true")):
        return Unprivileged(("unshare", "-U"), None)
    if _works((*_SETPRIV, "true")):
        return Unprivileged(_SETPRIV, _NOBODY)
    raise LauncherError(
        "PostgreSQL refuses to run as root, and here neither `unshare -U` nor `setpriv` works; "
        "start ./dev as a normal user, or point DATABASE_URL at a server"
    )


def _works(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
