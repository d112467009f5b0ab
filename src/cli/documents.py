"""The commands that load, list and delete the documents that questions are answered from."""

from collections.abc import Sequence
from pathlib import Path

import click

import texts.documents
from application.documents import opened_documents
from cli.display import Display
from config import Settings
from errors import BadInput
from utils import readable_name

_PAGE = 100


async def add(settings: Settings, files: Sequence[Path], display: Display) -> int:
    """Load files one after another and print what became of each.

    Returns:
        0; 2 when a file cannot be loaded, after all others.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the same command goes on.
    """
    status = 0
    async with opened_documents(settings) as (documents, owner):
        for path in files:
            name = readable_name(path)
            display.say(texts.documents.READING.format(name=name))
            try:
                loaded = await documents.load(owner, path, name)
            except BadInput as exc:
                display.say(exc.user_text)
                status = exc.exit_status
            else:
                text = texts.documents.KNOWN_FILE if loaded.known else texts.documents.ADDED
                display.say(text.format(number=loaded.number, name=name))
    return status


async def list_all(settings: Settings) -> int:
    """Print the documents, the latest first.

    Returns:
        0

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the documents cannot be read.
    """
    async with opened_documents(settings) as (documents, _):
        page = await documents.page(1, _PAGE)
        click.echo(texts.documents.COUNT.format(total=page.total))
        for number in range(1, -(-page.total // _PAGE) + 1):
            for each in (await documents.page(number, _PAGE)).documents:
                date = f"{each.created_at.astimezone():%d.%m.%y}"
                click.echo(texts.documents.LINE.format(number=each.number, name=each.name, date=date))
    return 0


async def remove(settings: Settings, number: int) -> int:
    """Delete the document of this number.

    Returns:
        0; 2 when there is none.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: nothing was deleted.
    """
    async with opened_documents(settings) as (documents, _):
        deleted = await documents.delete(number)
    text = texts.documents.NO_SUCH if deleted is None else texts.documents.DELETED
    click.echo(text.format(number=number))
    return 2 if deleted is None else 0
