"""The menus and the commands that lead to them."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import texts.cards
import texts.telegram
from access import Permission, may
from avatars.service import Avatars
from constants import RECORDING_EXTENSIONS
from datamodels import Stage, User
from datamodels_telegram import CardKind, CardProgress, IncomingMessage, MessageKind, Screen
from dead_letters import DeadLetters
from machine import Machine
from markups.avatars import under_way_buttons, under_way_lines
from markups.callback_data import Action, Press
from markups.cards import measured
from markups.menus import help_screen, main_menu, status_screen, storage_menu, system_menu, welcome_text
from message_tracker import MessageTracker
from metadata.waiting import WaitingRecordings
from recordings.intake import IntakeLimits
from recordings.work_in_progress import WorkInProgress
from speeches.service import Speeches
from telegram_handlers.context import Context, Routes
from utils import human_duration, human_size


@dataclass(frozen=True)
class SystemFacts:
    """The facts about this installation in the system menu.

    ``speech`` and ``language`` name the engines in use; the first may change while the bot runs, and blocks. The free
    space shown is that of the disk with ``state``.
    """

    speech: Callable[[], str]
    language: str
    limits: IntakeLimits
    state: Path


@dataclass(frozen=True)
class MenuWork:
    """The parts that the handlers use."""

    in_progress: WorkInProgress
    letters: DeadLetters
    machine: Machine
    facts: SystemFacts
    waiting: WaitingRecordings
    speeches: Speeches
    avatars: Avatars | None = None


class MenuHandlers:
    """Shows the main menu, the storage menu, the system menu, help and the work in progress."""

    def __init__(self, messages: MessageTracker, work: MenuWork) -> None:
        self._messages = messages
        self._work = work
        self._facts = work.facts

    def routes(self) -> Routes:
        return Routes(
            presses={
                Action.MENU_MAIN: (Permission.LOOK, self._main),
                Action.MENU_HELP: (Permission.LOOK, self._help_press),
                Action.MENU_STORAGE: (Permission.LOOK, self._storage),
                Action.MENU_SYSTEM: (Permission.LOOK, self._system),
            },
            commands={
                "start": (Permission.LOOK, self._start),
                "help": (Permission.LOOK, self._help_command),
                "status": (Permission.LOOK, self._status),
            },
        )

    async def main_menu_of(self, user: User, hint: str = "") -> Screen:
        """Return a person's main menu, which counts what waits for the person, below a ``hint`` in HTML."""
        waiting = len(await self._work.waiting.of(user.id))
        return main_menu(hint, waiting, avatars=await self._has_avatars(user))

    async def _main(self, context: Context, press: Press) -> None:  # noqa: ARG002  # it names nothing
        await self._show(context, await self.main_menu_of(context.user))

    async def _has_avatars(self, user: User) -> bool:
        """Tell whether there is something for a person behind the entry: who may make none can still delete theirs."""
        avatars = self._work.avatars
        return avatars is not None and (may(user.role, Permission.RECORD) or bool(await avatars.all_of(user.id)))

    async def _show(self, context: Context, screen: Screen) -> None:
        if context.pressed is None:
            await self._messages.send(context.chat, MessageKind.MENU, screen)
        else:
            await self._messages.replace(context.chat, context.pressed, MessageKind.MENU, screen)

    async def _start(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        user = context.user
        welcome = welcome_text(user.name, may_record=may(user.role, Permission.RECORD))
        await self._show(context, await self.main_menu_of(user, welcome))

    async def _help_press(self, context: Context, press: Press) -> None:  # noqa: ARG002
        await self._show(context, self._help(context.user))

    async def _help_command(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        await self._show(context, self._help(context.user))

    async def _status(self, context: Context, message: IncomingMessage) -> None:  # noqa: ARG002
        mine = [_status_line(each) for each in await self._work.in_progress.of(context.user.id)]
        for file_name, stage in await self._work.in_progress.without_cards(context.user.id):
            mine.append(texts.telegram.STATUS_LINE.format(file_name=file_name, stage=_STAGE_AFTER[stage]))
        avatars = await self._work.avatars.under_way(context.user.id) if self._work.avatars is not None else []
        mine += under_way_lines(avatars)
        waiting = await self._work.waiting.of(context.user.id)
        operates = may(context.user.role, Permission.OPERATE)
        machine = await self._work.machine.state() if operates else None
        letters = await self._work.letters.count() if operates else 0
        left = await self._work.in_progress.little_left(context.user.id)
        shown, may_record = under_way_buttons(avatars), may(context.user.role, Permission.RECORD)
        screen = status_screen(mine, waiting, machine, letters, left, shown, may_record=may_record)
        await self._messages.send(context.chat, MessageKind.MENU, screen)

    async def _storage(self, context: Context, press: Press) -> None:  # noqa: ARG002
        role = context.user.role
        speeches = await self._work.speeches.page(context.user.id, 1, 1)
        screen = storage_menu(
            documents=may(role, Permission.CURATE),
            glossary=may(role, Permission.RECORD),
            speeches=bool(speeches.total),
        )
        await self._show(context, screen)

    async def _system(self, context: Context, press: Press) -> None:  # noqa: ARG002
        letters = await self._work.letters.count() if may(context.user.role, Permission.OPERATE) else 0
        invites = may(context.user.role, Permission.INVITE)
        await self._show(context, system_menu(await self._system_lines(context), letters, invites=invites))

    async def _system_lines(self, context: Context) -> Sequence[str]:
        free = (await asyncio.to_thread(shutil.disk_usage, self._facts.state)).free
        speech = await asyncio.to_thread(self._facts.speech)
        limits = self._facts.limits
        return [
            texts.telegram.SYSTEM_SPEECH.format(engine=speech),
            texts.telegram.SYSTEM_LANGUAGE.format(engine=self._facts.language),
            texts.telegram.SYSTEM_LIMITS.format(
                largest=human_size(limits.largest_bytes), longest=human_duration(limits.longest_s)
            ),
            texts.telegram.SYSTEM_DISK.format(free=human_size(free)),
            texts.telegram.SYSTEM_ROLE.format(role=texts.telegram.ROLES[context.user.role]),
            texts.telegram.SYSTEM_ID.format(id=context.user.telegram_id),
            *await self._work.in_progress.limited(context.user.id),
        ]

    def _help(self, user: User) -> Screen:
        limits = self._facts.limits
        extensions = ", ".join(sorted(RECORDING_EXTENSIONS))
        largest, longest = human_size(limits.largest_bytes), human_duration(limits.longest_s)
        return help_screen(extensions, largest, longest, may_record=may(user.role, Permission.RECORD))


_STAGE_AFTER = dict(zip(Stage, texts.cards.STAGES[2:], strict=True))
"""What is being done to a recording, by its last stage that is done."""


def _status_line(progress: CardProgress) -> str:
    stage = texts.telegram.STATUS_REPORTS if progress.card.kind is CardKind.REPORTS else measured(progress).stage
    return texts.telegram.STATUS_LINE.format(file_name=progress.file_name, stage=stage)
