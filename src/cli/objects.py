"""The commands that copy the object store and compare it with the recordings."""

from datetime import UTC, datetime, timedelta

import texts.cli
from application.objects import copy_between, open_objects
from application.parts import open_database
from cli.display import Display
from config import Settings
from embedded.engines import Engines
from recordings.object_check import check_objects

_INCOMPLETE_STATUS = 1
_YOUNG = timedelta(days=1)
"""An object younger than this does not count as an orphan: its recording may not be in the database yet."""


async def copy(settings: Settings, to_bucket: bool, display: Display) -> int:
    """Copy all objects from the folder to the configured bucket, or back, and print the outcome.

    Returns:
        0; 1 when objects could not be copied because their bytes are lost.

    Raises:
        BadSettings, ObjectStoreUnavailable, DiskFull: the copy stopped; the same command continues it.
    """
    copied = await copy_between(settings, to_bucket=to_bucket, on_progress=display.advance)
    display.say(texts.cli.COPIED.format(copied=copied.copied, known=copied.known))
    for key in copied.lost:
        display.say(texts.cli.COPY_LOST.format(key=key))
    return _INCOMPLETE_STATUS if copied.lost else 0


async def check(settings: Settings, delete: int | None, display: Display) -> int:
    """Compare the object store with the recordings; print orphans and lost originals.

    The orphans are deleted when there are exactly ``delete`` of them, unless the database may belong to another store:
    no object has a recording, or an orphan is newer than the newest recording.

    Returns:
        0; 1 when an original is lost.

    Raises:
        BadSettings, ObjectStoreUnavailable, DatabaseUnavailable, EngineFailed: the check was not completed.
    """
    async with Engines(settings.persistent_dir) as embedded:
        database = await open_database(settings, embedded)
        objects = await open_objects(settings, display.advance)
        try:
            checked = await check_objects(database, objects, datetime.now(UTC) - _YOUNG, delete=delete)
        finally:
            objects.close()
            await database.close()
    found = texts.cli.ORPHAN_DELETED if checked.deleted else texts.cli.ORPHAN
    for key in checked.orphans:
        display.say(found.format(key=key))
    for key in checked.lost:
        display.say(texts.cli.ORIGINAL_LOST.format(key=key))
    orphans, lost = len(checked.orphans), len(checked.lost)
    display.say(texts.cli.CHECKED.format(objects=checked.objects, orphans=orphans, lost=lost))
    if checked.orphans and not checked.deleted:
        if delete == orphans:
            display.say(texts.cli.CHECK_FOREIGN)
        else:
            newest = f"{checked.newest_orphan.astimezone():%d.%m.%Y}"
            display.say(texts.cli.CHECK_DELETES.format(newest=newest, orphans=orphans))
    return _INCOMPLETE_STATUS if checked.lost else 0
