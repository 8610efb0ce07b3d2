"""Gives a command the API, and ends it in the house's way where the API refuses or is away."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from control_plane.cli.answering import MISUSED, CommandFailed, fail
from control_plane.cli.api import Api
from store.environment import SettingsError

P = ParamSpec("P")


def with_api(command: Callable[Concatenate[Api, P], Any]) -> Callable[P, None]:
    """The command with VAUCHFLOW_URL and VAUCHFLOW_API_KEY read; failures become a line and an exit code."""

    @wraps(command)
    def asked(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(Api.from_environment(), *args, **kwargs)
        except SettingsError as error:
            fail(f"{error}", MISUSED)
        except CommandFailed as error:
            fail(str(error), error.exit_code, **error.facts)

    return asked
