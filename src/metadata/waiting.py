"""What waits for a person: each recording whose wizard stands at a step that only the person can take.

The steps of the wizards are the one note of it; nothing else is kept.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import metadata_store
import recording_wizard_store
from datamodels import RecordingId, UserId
from datamodels_telegram import WizardStep
from db import Connection, Database
from errors import NotFound
from metadata.fields import missing


class WaitsFor(StrEnum):
    """What a recording waits for."""

    KIND = "kind"
    METADATA = "metadata"
    CONFIRMATION = "confirmation"
    REPORTS = "reports"


class Waiting(NamedTuple):
    """A recording that waits for its person; ``name`` is its place or, without one, its file's name."""

    recording_id: RecordingId
    number: int
    name: str
    what: WaitsFor


class WaitingRecordings:
    """The recordings that wait, of every person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: UserId) -> Sequence[Waiting]:
        """Load what waits for the owner, by the recordings' numbers."""
        async with self._database.transaction() as connection:
            return await list_waiting(connection, owner)

    async def find(self, owner: UserId, number: int) -> Waiting:
        """Load what the owner's recording waits for.

        Raises:
            NotFound: the owner has no recording of that number, or it waits for nothing.
        """
        found = next((each for each in await self.of(owner) if each.number == number), None)
        if found is None:
            raise NotFound(what=f"waiting recording {number} of {owner}")
        return found


async def list_waiting(connection: Connection, owner: UserId) -> list[Waiting]:
    """Load as ``WaitingRecordings.of`` does."""
    waiting: list[Waiting] = []
    found = await recording_wizard_store.list_waiting(connection, owner)
    known = await metadata_store.load_metadata_of_all(connection, [each.recording_id for each in found])
    for each in found:
        metadata = known[each.recording_id]
        lacks = bool(missing(each.scenario, metadata))
        if each.step in {WizardStep.SCENARIO, WizardStep.REPORTS}:
            what = WaitsFor.KIND if each.step is WizardStep.SCENARIO else WaitsFor.REPORTS
        else:
            what = WaitsFor.METADATA if lacks else WaitsFor.CONFIRMATION
        waiting.append(Waiting(each.recording_id, each.number, metadata.place or each.file_name, what))
    return waiting
