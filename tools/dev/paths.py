"""Where things are: the repository, its environment, and the folder one launcher keeps its data in."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
DEFAULT_HOME = ROOT / ".vauchflow"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one running stack. It holds passwords, so nobody else may look in."""

    path: Path

    def create(self) -> None:
        """Make the folder and its parts, closed to others."""
        for folder in (self.path, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def logs(self) -> Path:
        """One file per process, begun anew with each start of ./dev."""
        return self.path / "logs"

    @property
    def state_file(self) -> Path:
        """What a tool needs to talk to the running stack."""
        return self.path / "dev.json"

    @property
    def secrets_file(self) -> Path:
        """What must outlive a restart: passwords, the HMAC secret, the demo account's keys."""
        return self.path / "secrets.json"

    @property
    def outbox(self) -> Path:
        """The mails that would have been sent, a file each. They hold tokens."""
        return self.path / "outbox"

    @property
    def lock_file(self) -> Path:
        """Held by the ./dev that runs here."""
        return self.path / "dev.lock"

    def log_of(self, process_name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{process_name}.log"
