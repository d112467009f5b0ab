"""The arguments of ``across``: which interviews are counted, and where the files go."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from pathlib import Path

import click

import texts.across
import texts.cli
from cli.arguments import Command, help_option
from cli.running import run_command
from config import load_settings


@help_option
@click.command("across", cls=Command, help=texts.across.HELP, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.option("--report", metavar=texts.cli.METAVAR_NAME, help=texts.across.HELP_REPORT)
@click.option("--place", metavar=texts.cli.METAVAR_NAME, help=texts.across.HELP_PLACE)
@click.option("--employee", metavar=texts.cli.METAVAR_NAME, help=texts.across.HELP_EMPLOYEE)
@click.option("--building", metavar=texts.cli.METAVAR_NAME, help=texts.cli.HELP_BUILDING)
@click.option("--from", "first", metavar=texts.across.METAVAR_DATE, help=texts.across.HELP_FROM)
@click.option("--to", "last", metavar=texts.across.METAVAR_DATE, help=texts.across.HELP_TO)
@click.option("--out", type=click.Path(path_type=Path), metavar=texts.cli.METAVAR_FOLDER, help=texts.across.HELP_OUT)
@click.option("--json", "as_json", is_flag=True, help=texts.cli.HELP_JSON)
def across(out: Path | None, as_json: bool, **named: str | None) -> None:
    """Count factors across interviews."""

    async def work() -> int:
        settings = load_settings()
        from cli.across import Named, count_across
        from cli.display import Display

        with Display() as display:
            return await count_across(settings, Named.model_validate(named), out, display, as_json=as_json)

    run_command(work)
