"""The card of what waits for a person, and the ways from there."""

from access import Permission
from datamodels_telegram import MessageKind
from markups.callback_data import Action, Press
from markups.recordings import which_scenario
from markups.waiting import waiting_card
from message_tracker import MessageTracker
from metadata.waiting import WaitingRecordings, WaitsFor
from prompt_pack.models import ReportPack
from recordings.lookup import Recordings
from telegram_handlers.context import Context, Routes
from telegram_handlers.metadata import MetadataHandlers
from telegram_handlers.reports import ReportHandlers
from telegram_handlers.shared import show


class WaitingHandlers:
    """Shows what waits for a person, and goes on with one of it."""

    def __init__(
        self,
        waiting: WaitingRecordings,
        recordings: Recordings,
        messages: MessageTracker,
        pack: ReportPack,
        metadata: MetadataHandlers,
        reports: ReportHandlers,
    ) -> None:
        self._waiting = waiting
        self._recordings = recordings
        self._messages = messages
        self._pack = pack
        self._metadata = metadata
        self._reports = reports

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.WAITING: (Permission.RECORD, self._card),
                Action.GO_ON: (Permission.RECORD, self._go_on),
            }
        )

    async def _card(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        waiting = await self._waiting.of(context.user.id)
        await show(self._messages, context, MessageKind.MENU, waiting_card(waiting))

    async def _go_on(self, context: Context, press: Press) -> None:
        waiting = await self._waiting.find(context.user.id, press.number)
        if waiting.what is WaitsFor.KIND:
            recording = await self._recordings.find(context.user.id, press.number)
            screen = which_scenario(recording, self._pack.scenarios)
            await show(self._messages, context, MessageKind.CHOICE, screen, recording.id)
        elif waiting.what is WaitsFor.REPORTS:
            await self._reports.choose(context, press.number)
        else:
            await self._metadata.open(context, press.number)
