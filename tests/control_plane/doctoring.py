"""`vauchflow doctor` as a process, and its report by code."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.servers.postgres import DatabaseUrls
from tools.dev.paths import ROOT

SECRET = "5f0c2b7d9e1a4c8836f1d0a2b94e7c55"


@dataclass(frozen=True, slots=True)
class Told:
    """What it said, and how it ended."""

    code: int
    findings: dict[str, dict[str, Any]]
    checked: list[str]
    skipped: list[str]

    def severity(self, code: str) -> str:
        """How grave a finding is; '' where there is none."""
        return str(self.findings.get(code, {}).get("severity", ""))

    def what(self, code: str) -> str:
        """What a finding says; '' where there is none."""
        return str(self.findings.get(code, {}).get("what", ""))


def doctor(**env: str) -> Told:
    """Run it with nothing of ours in the environment but this."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VAUCHFLOW_")}
    command = [sys.executable, "-m", "control_plane.cli", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env={**clean, **env}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == "", done.stderr
    said = json.loads(done.stdout)
    for found in said["findings"]:
        assert all(found[part] for part in ("what", "why", "mend")), found
    told = Told(
        done.returncode,
        {found["code"]: found for found in said["findings"]},
        said["checked"],
        [skipped["check"] for skipped in said["skipped"]],
    )
    severities = {found["severity"] for found in said["findings"]}
    assert told.code == (2 if "error" in severities else 1 if "warning" in severities else 0)
    return told


def of_database(database: DatabaseUrls, **env: str) -> Told:
    """With PostgreSQL alone."""
    return doctor(**{"VAUCHFLOW_OWNER_DATABASE_URL": database.owner, "VAUCHFLOW_SECRET": SECRET} | env)


def of_redis(url: str, **env: str) -> Told:
    """With Redis alone."""
    return doctor(VAUCHFLOW_REDIS_URL=url, VAUCHFLOW_SECRET=SECRET, VAUCHFLOW_SHARDS="1", **env)
