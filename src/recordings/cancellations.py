"""Cancelling: work stops wherever it is; results so far stay, and so does the recording itself."""

from collections.abc import Awaitable, Callable, Sequence

import cards_store
import incoming_store
import recordings_store
from datamodels import RecordingId, ReportRunId, UserId
from datamodels_telegram import CardKind
from db import Database


class Cancellations:
    """Stops what is being done for a person.

    ``recording`` stops the work on a recording, ``reports`` the work on report runs of the owner; both return whether
    there was work to stop.
    """

    def __init__(
        self,
        database: Database,
        recording: Callable[[RecordingId], Awaitable[bool]],
        reports: Callable[[UserId, Sequence[ReportRunId]], Awaitable[bool]],
    ) -> None:
        self._database = database
        self._recording = recording
        self._reports = reports

    async def cancel_file(self, owner: UserId, incoming_id: int) -> bool:
        """Stop taking in a file, or the work on the recording that it has become; False when there is none to stop.

        Raises:
            NotFound: the owner has sent no such file.
        """
        async with self._database.transaction() as connection:
            cancelled = await incoming_store.cancel(connection, owner, incoming_id)
            incoming = await incoming_store.get(connection, owner, incoming_id)
        if not cancelled and incoming.recording_id is not None:
            return await self._recording(incoming.recording_id)
        return cancelled

    async def cancel_recording(self, owner: UserId, number: int) -> bool:
        """Stop the work on a recording; False when there is none to stop.

        Raises:
            NotFound: the owner has no recording of that number.
        """
        async with self._database.transaction() as connection:
            recording = await recordings_store.get_by_number(connection, owner, number)
        return await self._recording(recording.id)

    async def cancel_card(self, owner: UserId, card_id: int) -> bool:
        """Stop the work that a card shows; False when there is none to stop.

        Raises:
            NotFound: the owner has no such card.
        """
        async with self._database.transaction() as connection:
            card = await cards_store.get(connection, owner, card_id)
        if card.kind is CardKind.REPORTS:
            return await self._reports(owner, card.run_ids)
        return card.recording_id is not None and await self._recording(card.recording_id)
