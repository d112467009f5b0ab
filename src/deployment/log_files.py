"""Old logs of this installation: what was rotated away, and what commands wrote during old deploys."""

import re
import time
from pathlib import Path
from typing import NamedTuple

import texts.deploy
from errors_of_operation import DeploymentStopped

_ROTATED = re.compile(r".+\.log\.\d+")
_DAY_S = 86_400


class Cleaned(NamedTuple):
    """How many files were removed, and how many bytes they had."""

    files: int
    size: int


def clean_logs(state: Path, days: int) -> Cleaned:
    """Remove rotated logs and logs of deploys under ``state`` that are older than ``days``. A log in use stays.

    Raises:
        DeploymentStopped: we may not.
    """
    before = time.time() - days * _DAY_S
    files = size = 0
    try:
        rotated = [path for path in (state / "logs").glob("*") if _ROTATED.fullmatch(path.name)]
        for path in [*rotated, *(state / "deploys").glob("*.log")]:
            found = path.lstat()
            if found.st_mtime < before:
                path.unlink()
                files, size = files + 1, size + found.st_size
    except PermissionError as exc:
        raise DeploymentStopped(why=texts.deploy.LOGS_CLOSED.format(path=exc.filename)) from exc
    return Cleaned(files, size)
