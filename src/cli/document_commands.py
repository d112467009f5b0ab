"""The arguments of ``documents``: what is loaded, listed and removed."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from pathlib import Path

import click

import texts.cli
import texts.documents
from cli.arguments import Group, WholeNumber, help_option
from cli.running import run_command
from config import load_settings

_LARGEST_NUMBER = 10**9


@click.group(
    "documents", cls=Group, help=texts.documents.HELP, subcommand_metavar=texts.cli.METAVAR_COMMAND, options_metavar=""
)
@help_option
def documents() -> None:
    """Group the commands about the documents that questions are answered from."""


@documents.command(name="add", help=texts.documents.HELP_ADD, options_metavar="")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False), metavar=texts.cli.METAVAR_FILES
)
@help_option
def add_documents(files: tuple[Path, ...]) -> None:
    """Load documents."""

    async def run() -> int:
        settings = load_settings()
        from cli.display import Display
        from cli.documents import add

        with Display() as display:
            return await add(settings, files, display)

    run_command(run)


@documents.command(name="list", help=texts.documents.HELP_LIST, options_metavar="")
@help_option
def list_documents() -> None:
    """List the documents."""

    async def run() -> int:
        from cli.documents import list_all

        return await list_all(load_settings())

    run_command(run)


@documents.command(name="remove", help=texts.documents.HELP_REMOVE, options_metavar="")
@click.argument("number", type=WholeNumber(1, _LARGEST_NUMBER), metavar=texts.cli.METAVAR_NUMBER)
@help_option
def remove_document(number: int) -> None:
    """Delete a document."""

    async def run() -> int:
        from cli.documents import remove

        return await remove(load_settings(), number)

    run_command(run)
