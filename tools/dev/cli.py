"""The command line of `./dev`. Reads arguments and environment, then hands over; does nothing itself."""

import argparse
import os
import sys
from pathlib import Path

from tools.dev import environment
from tools.dev.check import run_checks
from tools.dev.console import LauncherError, say, stop_with
from tools.dev.lock import AlreadyLocked, exclusive
from tools.dev.paths import DEFAULT_HOME, ROOT, Home
from tools.dev.ports import DEFAULT_BASE, Ports
from tools.dev.product import operator_environment
from tools.dev.signals import caught
from tools.dev.stack import Settings, Stack
from tools.dev.state import Secrets, State
from tools.dev.supervisor import StopRequested

# More engines than this would run into each other's ports, and into the memory of a small machine.
_MOST_ENGINES = 8
_MOST_TESTS_AT_ONCE = 4


def main(arguments: list[str]) -> int:
    """Do what was asked, and turn what a person can mend into one message."""
    try:
        command = arguments[0] if arguments else ""
        if command in ("test", "bench", "chaos", "check", "openapi"):
            _enter(environment.TO_DEVELOP, arguments)
            return _develop(command, arguments[1:])
        if command == "vauchflow":
            _enter(environment.TO_RUN, arguments)
            return _operate(arguments[1:])
        options = _parser().parse_args(arguments)
        _enter(environment.TO_RUN, arguments)
        return _run(options)
    except LauncherError as error:
        stop_with(str(error))


def _enter(requirements: str, arguments: list[str]) -> None:
    environment.reenter(environment.ensure(requirements), arguments)


def _develop(command: str, arguments: list[str]) -> int:
    os.chdir(ROOT)
    if command == "check":
        return run_checks()
    if command == "bench":
        return _become("-m", "bench", *arguments)
    if command == "openapi":
        return _become("-m", "tools.openapi", *arguments)
    if command == "chaos":
        return _become("-m", "tests.chaos", *arguments)
    return _test(arguments)


def _test(arguments: list[str]) -> int:
    """The tests; the whole suite on all processors, a file's tests always on the same."""
    fast = ["-m", "not servers and not stack and not slow"] if "--fast" in arguments else []
    rest = [argument for argument in arguments if argument != "--fast"]
    at_once = [] if rest else ["-n", str(min(os.cpu_count() or 1, _MOST_TESTS_AT_ONCE)), "--dist", "loadfile"]
    return _become("-m", "pytest", *fast, *at_once, *rest)


def _operate(arguments: list[str]) -> int:
    """The operator's command line, told where the stack of a folder is."""
    home = Home(DEFAULT_HOME)
    if arguments[:1] == ["--data"] and len(arguments) > 1:
        home, arguments = Home(Path(arguments[1]).resolve()), arguments[2:]
    if not home.state_file.exists():
        raise LauncherError(f"no ./dev has run in {home.path} yet")
    os.environ |= operator_environment(home, State.load(home.state_file), Secrets.load(home.secrets_file))
    # Its arguments name files of the folder that it is called in: only what is imported comes from here.
    os.environ["PYTHONPATH"] = str(ROOT)
    return _become("-P", "-m", "control_plane.cli", *arguments)


def _become(*arguments: str) -> int:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell is wanted


def _run(options: argparse.Namespace) -> int:
    home = Home(options.data.resolve())
    home.create()
    settings = Settings(
        home=home,
        ports=Ports(options.port),
        engines=options.engines,
        appendfsync=options.appendfsync,
        database_url=os.environ.get("DATABASE_URL") or None,
        redis_url=os.environ.get("REDIS_URL") or None,
    )
    try:
        with exclusive(home.lock_file, wait=False), caught() as signals:
            Stack(settings, signals).run()
    except AlreadyLocked as error:
        stop_with(f"another ./dev (process {error.holder}) already runs in {home.path}")
    except StopRequested:
        say("Stopped before it was ready.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev",
        description="Run Vauchflow in this folder: databases, engine, reconciler, control plane, gateway.",
        epilog="Also: ./dev test [--fast] [pytest's arguments] | ./dev check | ./dev openapi | "
        "./dev bench [its arguments] | ./dev chaos [its arguments] | ./dev vauchflow [the operator's command line]. "
        "DATABASE_URL and REDIS_URL take the place of the embedded servers.",
    )
    parser.add_argument("--port", type=_base_port, default=DEFAULT_BASE, help="first of the ports (8700)")
    parser.add_argument("--engines", type=_engine_count, default=1, help="how many engines (1)")
    parser.add_argument(
        "--appendfsync",
        choices=("always", "everysec"),
        default="always",
        help="durability of Valkey (always)",
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_HOME, help="folder of the data (.vauchflow)")
    return parser


def _base_port(text: str) -> int:
    port = int(text)
    if not 1024 <= port <= 65_500:
        raise argparse.ArgumentTypeError("a port from 1024 to 65500")
    return port


def _engine_count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= _MOST_ENGINES:
        raise argparse.ArgumentTypeError(f"from 1 to {_MOST_ENGINES} engines")
    return count
