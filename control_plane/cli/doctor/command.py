"""`doctor` itself: the report for a person or as JSON, and the exit code that monitoring goes by."""

import sys
import textwrap

import click

from control_plane.cli.answering import run, say
from control_plane.cli.doctor.findings import Finding, Report
from control_plane.cli.doctor.running import examine
from control_plane.cli.doctor.variables import Variables

_COLOURS = {"error": "red", "warning": "yellow", "notice": "cyan"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="one JSON object: findings, checked, skipped")
def doctor(as_json: bool) -> None:
    """Say what is wrong with this installation and how to mend it; 0 well, 1 warnings, 2 errors. Changes nothing."""
    report = run(examine(Variables.from_environment()))
    if as_json:
        say(report)
    else:
        _show(report)
    raise SystemExit(report.exit_code())


def _show(report: Report) -> None:
    for found in report.findings:
        click.echo(_paragraph(found))
    for skipped in report.skipped:
        click.secho(f"not looked at: {skipped.check}, because {skipped.because}", dim=True)
    counts = {name: sum(found.severity == name for found in report.findings) for name in _COLOURS}
    told = ", ".join(f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count)
    click.echo(f"{len(report.checked)} checks: {told or 'nothing is wrong'}.")
    sys.stdout.flush()


def _paragraph(found: Finding) -> str:
    head = click.style(f"{found.severity:<8}", fg=_COLOURS[found.severity], bold=True) + f" {found.code}"
    lines = [textwrap.fill(found.what, 110, initial_indent="  ", subsequent_indent="  ")]
    for label, text in (("why", found.why), ("mend", found.mend)):
        lines.append(textwrap.fill(f"{label + ':':<6}{text}", 110, initial_indent="  ", subsequent_indent=" " * 8))
    return "\n".join((head, *lines)) + "\n"
