"""The gateway: Caddy with deploy/Caddyfile, told by its environment what it is in front of."""

from dataclasses import dataclass
from pathlib import Path

from tools.dev.paths import ROOT
from tools.dev.ports import HOST, Ports
from tools.dev.processes import Program

CADDYFILE = ROOT / "deploy" / "Caddyfile"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One base URL for both planes, in plain HTTP on the loopback interface."""

    binary: str
    data: Path
    ports: Ports
    engines: int
    log: Path

    def program(self) -> Program:
        """Say how to run it; XDG folders keep it out of the user's home."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        upstreams = (f"{HOST}:{self.ports.engine(index)}" for index in range(self.engines))
        return Program(
            name="caddy",
            argv=(self.binary, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
            log=self.log,
            env={
                "VAUCHFLOW_SITE": f"http://:{self.ports.gateway}",
                "VAUCHFLOW_BIND": HOST,
                "VAUCHFLOW_ENGINES": " ".join(upstreams),
                "VAUCHFLOW_CONTROL_PLANE": f"{HOST}:{self.ports.control_plane}",
                "XDG_CONFIG_HOME": str(self.data),
                "XDG_DATA_HOME": str(self.data),
            },
        )
