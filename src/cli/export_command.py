"""The arguments of ``export``: where the files go, and whether the sound goes with them."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from pathlib import Path

import click

import texts.cli
import texts.takeout
from cli.arguments import Command, help_option
from cli.running import run_command
from config import load_settings


@help_option
@click.command("export", cls=Command, help=texts.takeout.HELP, options_metavar=texts.cli.METAVAR_OPTIONS)
@click.option(
    "--out", default="out", type=click.Path(path_type=Path), metavar=texts.cli.METAVAR_FOLDER, help=texts.cli.HELP_OUT
)
@click.option("--sound", is_flag=True, help=texts.takeout.HELP_SOUND)
def export(out: Path, sound: bool) -> None:
    """Write what the person at the command line has."""

    async def work() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.export import export as do

        with Display() as display:
            return await do(out, settings, display, sound=sound)

    run_command(work)
