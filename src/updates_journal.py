"""The journal of updates that came while the database was away.

Each update is on the disk before it is answered, without texts of messages and names of people.
"""

from pathlib import Path

import structlog
from pydantic import ValidationError

from datamodels_telegram import SeenUpdate, TelegramPerson
from system.shortages import shortages_mapped
from utils import append_durably, disk_full_mapped

log = structlog.get_logger(__name__)

_LARGEST = 2**63
"""Beyond the bigint of PostgreSQL."""
_UNNAMED = ""
"""The journal holds no names; the name of a person comes with the next update."""


class UpdatesJournal:
    """A file of JSON lines at ``path``. All methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, *updates: SeenUpdate) -> None:
        """Add updates behind the earlier ones.

        Raises:
            DiskFull: no space left; the earlier updates stay, perhaps with a part of these behind them.
        """
        lines = "".join(f"{_unnamed(update).model_dump_json()}\n" for update in updates)
        with disk_full_mapped(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        # A line that a crash or a full disk cut off ends at the first line break.
        append_durably(self._path, f"\n{lines}".encode())

    def entries(self) -> list[SeenUpdate]:
        """Read the updates that were written whole, in their order."""
        try:
            with shortages_mapped():
                lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [update for line in lines if line and (update := _parsed(line)) is not None]

    def clear(self) -> None:
        """Remove all entries."""
        self._path.unlink(missing_ok=True)


def _unnamed(update: SeenUpdate) -> SeenUpdate:
    return update.model_copy(update={"person": TelegramPerson(id=update.person.id, name=_UNNAMED)})


def _parsed(line: bytes) -> SeenUpdate | None:
    """Parse a line; None when it is damaged or PostgreSQL could not store it: such a line would hold up all others."""
    try:
        update = SeenUpdate.model_validate_json(line)
    except ValidationError:
        update = None
    if update is None or not _is_storable(update):
        log.warning("journal_line_damaged", bytes=len(line))
        return None
    return update


def _is_storable(update: SeenUpdate) -> bool:
    numbers = (update.chat_id, update.update_id, update.message_id, update.person.id)
    return all(-_LARGEST <= number < _LARGEST for number in numbers) and "\0" not in (update.data or "")
