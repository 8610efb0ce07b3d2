"""The application: every area's controllers, the three dependencies that handlers ask for, one handler of errors."""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Controller, Litestar
from litestar.datastructures import State
from litestar.di import Provide

import control_plane
from control_plane.calls import provide_account, provide_call, provide_visit
from control_plane.context import Context, PeopleTools
from control_plane.mail import sender_of
from control_plane.problems import handle_error
from control_plane.receipts.signing import Signer
from control_plane.settings import Settings
from control_plane.shell import Shell
from store.database import Database
from store.shards import Shards

MOST_BODY_BYTES = 1_000_000


def discover_controllers() -> list[type[Controller]]:
    """The controllers of every area: each package below control_plane that has a module `controllers`."""
    found: list[type[Controller]] = []
    for area in pkgutil.iter_modules(control_plane.__path__, "control_plane."):
        if area.ispkg and any(m.name == "controllers" for m in pkgutil.iter_modules([_folder(area)])):
            module = importlib.import_module(f"{area.name}.controllers")
            found += [
                value
                for value in vars(module).values()
                if isinstance(value, type) and issubclass(value, Controller) and value is not Controller
            ]
    return found


def _folder(area: pkgutil.ModuleInfo) -> str:
    return f"{control_plane.__path__[0]}/{area.name.rpartition('.')[2]}"


def create_app(context: Context) -> Shell:
    """The application over stores that are open already."""
    return Shell(make_routes(context))


def make_routes(context: Context) -> Litestar:
    """All routes, over the context that stands in the application's state."""
    return Litestar(
        route_handlers=discover_controllers(),
        dependencies={
            "call": Provide(provide_call),
            "account": Provide(provide_account),
            "visit": Provide(provide_visit),
        },
        exception_handlers={Exception: handle_error},
        request_max_body_size=MOST_BODY_BYTES,
        logging_config=None,
        openapi_config=None,
        state=State({"context": context}),
    )


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    """The stores of a process; PostgreSQL must be there, Redis need not."""
    # A plan for all arguments takes every filter of a list for given, expects next to no rows, and so sorts a project.
    database = await Database.connect(
        settings.database_url, application_name="vauchflow-control", max_size=16, plans_anew=True
    )
    shards = Shards(database, settings.redis_url)
    mail = sender_of(settings.mail_url, settings.mail_from)
    people = PeopleTools(mail, settings.public_url, settings.client_attempts, settings.shards)
    signer = Signer.of(settings.secret, settings.receipts_key)
    try:
        yield Context(database, shards, settings.secret, signer, people)
    finally:
        await people.close()
        await shards.close()
        await database.close()
