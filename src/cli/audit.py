"""The command that finds out whether the record of changes of people is as it was written."""

import click

from application.parts import opened_database
from config import Settings
from markups.people import verdict_text
from sign_in.audit import AuditLog


async def verify(settings: Settings) -> int:
    """Compute the record's hashes anew and print what was found.

    Returns:
        0; 1 when a row is not as it was written.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the record cannot be read.
    """
    async with opened_database(settings) as database:
        verdict = await AuditLog(database).verify()
    click.echo(verdict_text(verdict))
    return 0 if verdict.broken is None else 1
