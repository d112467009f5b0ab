"""How the last backup and the last restore drill ended: a file that scripts write, and that health reads."""

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from datamodels import Value
from utils import write_atomically

_NAME = "status.json"
_READABLE_BY_THE_BOT = 0o644


class Made(Value):
    """A verified set: when it was begun, its id in the repository, what it and the repository take, and how long.

    ``lost_objects`` counts objects that the database named and the store did not have.
    """

    at: datetime
    snapshot: str
    set_bytes: int
    repository_bytes: int
    seconds: float
    lost_objects: int = 0


class Failed(Value):
    """A failure: when, at which step, and the code of its error."""

    at: datetime
    step: str
    code: str


class Drilled(Value):
    """A restore drill that came to its end: when, of which set ("" when none could be taken out), and how."""

    at: datetime
    snapshot: str
    passed: bool


class BackupStatus(Value):
    """The last of each; ``damaged`` is gone once a check of all sets has found nothing.

    ``drill_stopped`` is a drill that did not come to its end, which says nothing of the set.
    """

    made: Made | None = None
    failed: Failed | None = None
    damaged: Failed | None = None
    drilled: Drilled | None = None
    drill_stopped: Failed | None = None


def load_status(folder: Path) -> BackupStatus:
    """Load the status; an empty one when nothing was ever noted in ``folder``. Blocking.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be read.
    """
    try:
        return BackupStatus.model_validate_json((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return BackupStatus()
    except ValidationError as exc:
        raise ValueError(_NAME) from exc


def note_status(folder: Path, **changes: Made | Failed | Drilled | None) -> None:
    """Change the named fields of the status, whole or not at all. A damaged file is begun anew. Blocking.

    Raises:
        DiskFull: no space left; the status is as it was.
    """
    try:
        status = load_status(folder)
    except ValueError:
        status = BackupStatus()
    changed = status.model_copy(update=changes)
    # Without defaults: an older version, after a rollback, does not know every field. Health reads it as another user,
    # whatever the umask of the script is.
    write_atomically(
        folder / _NAME, changed.model_dump_json(indent=2, exclude_defaults=True) + "\n", _READABLE_BY_THE_BOT
    )
    (folder / _NAME).chmod(_READABLE_BY_THE_BOT)
