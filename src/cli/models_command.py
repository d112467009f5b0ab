"""The arguments of ``models``: what is listed, fetched, verified and removed."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import click

import texts.cli
import texts.models
from cli.arguments import Group, help_option
from cli.running import run_command
from config import load_settings


@click.group(
    "models", cls=Group, help=texts.models.HELP, subcommand_metavar=texts.cli.METAVAR_COMMAND, options_metavar=""
)
@help_option
def models() -> None:
    """Group the commands about the models that recognise speech."""


@models.command(name="list", help=texts.models.HELP_LIST, options_metavar="")
@help_option
def list_models() -> None:
    """List the models."""

    async def run() -> int:
        from cli.models import list_all

        return await list_all(load_settings())

    run_command(run)


@models.command(name="fetch", help=texts.models.HELP_FETCH, options_metavar="")
@click.argument("name", metavar=texts.models.METAVAR_MODEL)
@help_option
def fetch_model(name: str) -> None:
    """Fetch a model."""

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.models import fetch

        with Display() as display:
            return await fetch(settings, name, display)

    run_command(run)


@models.command(name="verify", help=texts.models.HELP_VERIFY, options_metavar="")
@help_option
def verify_models() -> None:
    """Compare the models that are there with what was published."""

    async def run() -> int:
        from cli.models import verify

        return await verify(load_settings())

    run_command(run)


@models.command(name="remove", help=texts.models.HELP_REMOVE, options_metavar="")
@click.argument("name", metavar=texts.models.METAVAR_MODEL)
@help_option
def remove_model(name: str) -> None:
    """Remove a model."""

    async def run() -> int:
        from cli.models import remove

        return await remove(load_settings(), name)

    run_command(run)
