"""What tells that an engine did not start because its disk is full."""

import errno
import os
import shutil
from pathlib import Path

_NO_SPACE = os.strerror(errno.ENOSPC).encode()
_LEAST_BYTES = 64 * 1024
"""With less free space an engine does not start, and may have had no space to say why."""


def size_of(log_file: Path) -> int:
    """Return the size of a log in bytes; 0 when it is not there."""
    return log_file.stat().st_size if log_file.exists() else 0


def tells_of_full_disk(log_file: Path, start: int) -> bool:
    """Tell whether an engine's log says that there was no space, from byte ``start`` on; all of it if it is shorter."""
    said = log_file.read_bytes() if log_file.exists() else b""
    return _NO_SPACE in said[start if start <= len(said) else 0 :]


def is_full(folder: Path) -> bool:
    """Tell whether the disk under ``folder`` is full."""
    return shutil.disk_usage(folder).free < _LEAST_BYTES
