"""Whether a disk has space for what is to be written: a backup that filled it would stop what it is to save."""

import shutil
from pathlib import Path
from typing import Final

from config import shown
from errors import DiskFull

RESERVE_BYTES: Final = 1024**3
"""What the database, logs and recordings that come meanwhile are left with."""


def require_space(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what would fill the disk of ``folder``, or of the nearest folder above it that exists. Blocking.

    Raises:
        DiskFull: less than ``needed_bytes`` and the reserve are free.
    """
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    if shutil.disk_usage(there).free < needed_bytes + RESERVE_BYTES:
        raise DiskFull(path=shown(folder))
