"""A project's row as the API shows it."""

from typing import Any

from control_plane.projects.creation import MadeProject
from control_plane.projects.schemas import ProjectCreated, ProjectView, TwinCreated
from control_plane.rules.times import show_time


def show(row: Any) -> ProjectView:
    """A project."""
    return ProjectView(**_fields(row))


def show_created(made: MadeProject, twin: MadeProject | None = None) -> ProjectCreated:
    """A project with its first keys, which are shown once."""
    shown = None if twin is None else TwinCreated(twin.row["id"], twin.secret_key.key, twin.publishable_key.key)
    return ProjectCreated(
        **_fields(made.row), secret_key=made.secret_key.key, publishable_key=made.publishable_key.key, twin=shown
    )


def _fields(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "project",
        "name": row["name"],
        "currency": row["currency"],
        "mode": row["mode"],
        "status": row["status"],
        "release_withheld_after_s": row["release_withheld_after_s"],
        "twin_of": row["twin_of"],
        "created_at": show_time(row["created_at"]),
    }
