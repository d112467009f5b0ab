"""The command that copies the object store."""

import texts.cli
from application.objects import copy_between
from cli.display import Display
from config import Settings

_INCOMPLETE_STATUS = 1


async def copy(settings: Settings, to_bucket: bool, display: Display) -> int:
    """Copy all objects between the folder and the configured bucket, and tell what came of it.

    Returns:
        0; 1 when objects could not be copied because their bytes are lost.

    Raises:
        BadSettings, ObjectStoreUnavailable, DiskFull: the copy stopped; the same command goes on.
    """
    copied = await copy_between(settings, to_bucket=to_bucket, on_progress=display.advance)
    display.say(texts.cli.COPIED.format(copied=copied.copied, known=copied.known))
    for key in copied.lost:
        display.say(texts.cli.COPY_LOST.format(key=key))
    return _INCOMPLETE_STATUS if copied.lost else 0
