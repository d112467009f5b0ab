"""The commands that examine settings and migrate the database."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import click

import texts.operation
from application.allowed_forms import allowed_form
from application.configuration import Examined, examine_settings
from cli.folders import examine_folders, nothing_was_started
from config import Settings, absent_files, compose_files, read_settings
from db import migrate
from embedded.engines import Engines

_PROBLEM_STATUS = 2


def validate(*, worker: bool) -> int:
    """Print which settings are wrong, missing, unsafe, unknown, repeated or default, and which folders are not right.

    Returns:
        0; 2 when one has to be changed.

    Raises:
        UnreadableSettings: ``.env`` cannot be read.
    """
    settings = read_settings()[0]
    is_new = nothing_was_started(settings.persistent_dir)
    found = _examined(worker=worker, is_new=is_new)
    for name in found.wrong:
        form = allowed_form(name)
        allowed = texts.operation.ALLOWED.format(form=form) if form else ""
        click.echo(texts.operation.SETTING_WRONG.format(name=name, allowed=allowed))
    if files := compose_files(found.wrong):
        click.echo(texts.operation.FILE_UNREAD.format(files=", ".join(files)))
    for name in found.missing:
        click.echo(texts.operation.SETTING_MISSING.format(name=name))
    for name in found.unsafe:
        why = texts.operation.TEST_MODES.get(name, texts.operation.LEFT_AS_IT_COMES)
        click.echo(texts.operation.SETTING_UNSAFE.format(name=name, why=why))
    folders = examine_folders(settings, made_later=is_new)
    for line in (*_notes(found), *folders.problems, *folders.notes):
        click.echo(line)
    if is_new:
        click.echo(texts.operation.NOTHING_STARTED)
    if found.problems:
        click.echo(texts.operation.SETTINGS_BAD.format(count=texts.operation.SETTING.counted(found.problems)))
    if folders.problems:
        click.echo(texts.operation.FOLDERS_BAD.format(count=texts.operation.FOLDER.counted(len(folders.problems))))
    if found.problems or folders.problems:
        return _PROBLEM_STATUS
    click.echo(texts.operation.SETTINGS_GOOD)
    return 0


def _examined(*, worker: bool, is_new: bool) -> Examined:
    """Examine the settings; with ``is_new`` without the secrets that the first start makes."""
    found = examine_settings(worker=worker)
    if not is_new:
        return found
    later = {name for variable in absent_files() for name in (variable, variable.removesuffix("_FILE"))}
    return replace(
        found,
        wrong=[name for name in found.wrong if name not in later],
        missing=[name for name in found.missing if name not in later],
    )


def _notes(found: Examined) -> Iterator[str]:
    """Yield what an operator should know of settings that are not wrong."""
    yield from (texts.operation.SETTING_UNKNOWN.format(name=name) for name in found.unknown)
    yield from (texts.operation.SETTING_REPEATED.format(name=name) for name in found.repeated)
    if found.default:
        yield texts.operation.SETTINGS_DEFAULT.format(names=", ".join(found.default))
    if found.without_bot:
        yield f"• {texts.operation.NO_TELEGRAM}"
    if found.open_file:
        yield texts.operation.ENV_OPEN_REFUSED if found.production else texts.operation.ENV_OPEN


async def migrate_database(settings: Settings) -> int:
    """Bring the database's schema up to date and print what was applied.

    Returns:
        0.

    Raises:
        DatabaseMisconfigured: among others, a newer version has migrated the database.
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: nothing or not everything was applied.
    """
    async with Engines(settings.persistent_dir) as embedded:
        dsn = settings.database_url.get_secret_value() if settings.database_url else await embedded.postgres()
        applied = await asyncio.to_thread(lambda: migrate(dsn, refuse_newer=True))
    for name in applied:
        click.echo(texts.operation.MIGRATED.format(name=name))
    click.echo(texts.operation.MIGRATIONS_DONE if applied else texts.operation.MIGRATIONS_NONE)
    return 0
