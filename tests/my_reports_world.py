"""A person with reports, over the real handlers, stores and database; Telegram is in memory, the clock is ours."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from uuid import uuid4

import recordings_store
import reports_store
import user_states
from datamodels import (
    BuildingType,
    IndexValue,
    NewReportFile,
    NewReportRun,
    ReportId,
    ReportOutcome,
    ReportRunId,
    Role,
    ScenarioId,
    Usage,
    User,
    UserId,
)
from datamodels_telegram import ChatId, IncomingMessage, MessageId, Screen, Shown, TelegramPerson
from db import Database
from default_pack import PACK
from dialogs import OpenDialog, ReportDialog, Step
from errors import OutdatedButton
from handlers_my_reports_v2 import MyReportsHandlers
from markups.callback_data import unpack
from md_storage import ReportFiles
from message_tracker import MessageTracker
from recordings_factory import new_recording
from reports.archive import ReportArchive
from reports.desk import ReportDesk
from reports.titles import report_title
from screens import drawn
from telegram_handlers.beside import Steps
from telegram_handlers.context import Context
from telegram_handlers.my_reports_shared import MyReportsWork
from texts.telegram import OUTDATED
from told_double import ToldDouble
from users_store import ensure_telegram_user

_HERE = datetime.now(UTC).astimezone().tzinfo
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=_HERE)
LASTS = timedelta(minutes=5)
TEXT = "# Отчет о связках\n\nГость говорит о завтраке.\n"
_people = count(8_000_000_000)


@dataclass(frozen=True)
class SentFile:
    name: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8-sig")


class FilesDouble(ToldDouble):
    """Keeps what was sent as files, too."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[SentFile] = []

    async def send_file(
        self,
        chat: ChatId,
        content: bytes | Path,
        file_name: str,
        screen: Screen | None = None,
        *,
        random_id: int | None = None,
        shown: Shown | None = None,
    ) -> MessageId:
        assert isinstance(content, bytes)
        self.files.append(SentFile(file_name, content))
        self.tell(f"bot sends <{file_name}>")
        return await super().send_file(chat, content, file_name, screen, random_id=random_id, shown=shown)


class ReportsBot:
    """The handlers of «Мои отчеты» over a database and a folder. ``now`` is what its clock says."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.now = NOON
        self.telegram = FilesDouble()
        self.root = folder / "reports"
        self.files = ReportFiles(self.root)
        self.archive = ReportArchive(database, self.files, PACK)
        work = MyReportsWork(self.archive, PACK, ReportDesk(database, LASTS, lambda: self.now))
        messages = MessageTracker(database, self.telegram)
        self.handlers = MyReportsHandlers(messages, work)
        self.routes = self.handlers.routes()
        self.asked: list[str] = []
        self.steps = Steps(self.routes.answers, self.routes.again, messages, self._ask)

    async def _ask(self, context: Context, message: IncomingMessage) -> None:
        assert context.again is not None
        self.asked.append(message.text)


class Owner:
    """Someone with reports, in a private chat with the bot."""

    def __init__(self, bot: ReportsBot, user: User) -> None:
        assert user.telegram_id is not None
        self.bot = bot
        self.user = user
        self.id: UserId = user.id
        self.chat = ChatId(user.telegram_id)
        self.heard: list[str] = []
        """What was shown over pressed buttons."""
        self._messages = count(1)

    @classmethod
    async def come(cls, bot: ReportsBot) -> "Owner":
        async with bot.database.transaction() as connection:
            person = TelegramPerson(id=next(_people), name="Мария")
            return cls(bot, await ensure_telegram_user(connection, person, Role.USER))

    @property
    def folder(self) -> Path:
        return self.bot.root / f"user_{self.id}"

    @property
    def sees(self) -> str:
        """The messages of the bot, with their buttons."""
        return "\n---\n".join(drawn(screen) for screen in self.bot.telegram.chats.get(self.chat, {}).values())

    @property
    def last(self) -> str:
        """The latest message of the bot."""
        return drawn(list(self.bot.telegram.chats[self.chat].values())[-1])

    async def has_report(
        self,
        *,
        report_id: str = "report_int_links",
        recording: str = "Интервью 17.ogg",
        day: datetime = NOON - timedelta(days=18),
        indices: tuple[IndexValue, ...] | None = None,
        text: str = TEXT,
    ) -> int:
        """Give the person a finished report; returns its number."""
        report = PACK.report(report_id)
        async with self.bot.database.transaction() as connection:
            new = new_recording(self.id).model_copy(update={"file_name": recording})
            row = await recordings_store.insert_recording(connection, new)
            run = await reports_store.queue_run(
                connection,
                NewReportRun(
                    recording_id=row.id,
                    owner_id=self.id,
                    scenario=report.scenario,
                    report_id=report.id,
                    building=BuildingType.HOTEL,
                    input_hash=uuid4().hex,
                    prompt_hash="prompt",
                    model="scripted-1",
                    passes_total=1,
                ),
            )
        entry = NewReportFile(
            id=run.id,
            title=report_title(report.label, None, None, Path(recording).stem),
            recording_number=row.number,
            recording_file_name=recording,
            report_id=report.id,
            scenario=report.scenario,
            label=report.label,
            created_at=day,
        )
        number = await self.bot.files.save(self.id, entry, text)
        outcome = ReportOutcome(
            number=number,
            text=text,
            indices=indices,
            indices_error=None,
            warnings=(),
            usage=Usage(),
            cost_usd=Decimal(0),
            duration_s=1.0,
        )
        async with self.bot.database.transaction() as connection:
            await reports_store.finish_run(connection, run.id, outcome)
        return number

    async def run_of(self, number: int) -> ReportRunId | None:
        """The report's row."""
        async with self.bot.database.transaction() as connection:
            run = await reports_store.find_by_number(connection, self.id, number)
        return None if run is None else run.id

    async def opens_the_list(self) -> str:
        """Ask for the list; returns its text."""
        await self.press_data("show_my_reports")
        return self.bot.telegram.files[-1].text if self.bot.telegram.files else ""

    async def press(self, label: str) -> None:
        """Press the latest button that reads so."""
        for message, screen in reversed(self.bot.telegram.chats[self.chat].items()):
            for button in (button for row in screen.keyboard for button in row):
                if button.text == label:
                    self.bot.telegram.tell(f"{self.user.name} presses [{label}]")
                    await self.press_data(button.data, message)
                    return
        raise AssertionError(f"no button «{label}» among:\n{self.sees}")

    async def press_data(self, data: str, message: MessageId | None = None, update: str = "") -> None:
        """Press a button with this data, whether there is one or not; outdated ones are answered as the router does.

        A press with the same ``update`` as an earlier one is that press, handled again.
        """
        try:
            press = unpack(data)
            _, handler = self.bot.routes.presses[press.action]
            await handler(Context(self.user, self.chat, self._hear, message or MessageId(1), update), press)
        except OutdatedButton:
            await self._hear(OUTDATED)

    async def type(self, text: str, message_id: int | None = None) -> int:
        """Answer the open dialog; returns the message's id."""
        self.bot.telegram.tell(f"{self.user.name}: {text}")
        step = await self.step()
        assert step is not None, "the bot waits for nothing"
        message = self._message(text, message_id)
        _, handler = self.bot.steps.at(step)
        await handler(Context(self.user, self.chat, self._hear), message)
        return message.message_id

    async def command(self, name: str) -> None:
        self.bot.telegram.tell(f"{self.user.name}: /{name}")
        _, handler = self.bot.routes.commands[name]
        await handler(Context(self.user, self.chat, self._hear), self._message(f"/{name}"))

    async def step(self) -> Step | None:
        """What the bot waits for."""
        async with self.bot.database.transaction() as connection:
            dialog = await user_states.get(connection, self.id, OpenDialog)
        return None if dialog is None else dialog.step

    async def dialog(self) -> ReportDialog | None:
        async with self.bot.database.transaction() as connection:
            return await user_states.get(connection, self.id, ReportDialog)

    async def numbers(self) -> list[int]:
        """The numbers of the reports that are there."""
        return [report.number for report in await self.bot.files.list(self.id)]

    def _message(self, text: str, message_id: int | None = None) -> IncomingMessage:
        return IncomingMessage(
            chat_id=self.chat,
            message_id=MessageId(message_id or next(self._messages)),
            person=TelegramPerson(id=self.chat, name=self.user.name),
            text=text,
        )

    async def _hear(self, text: str) -> None:
        self.bot.telegram.tell(f"bot over the button: {text}")
        self.heard.append(text)


def index(name: str, value: float | str | None) -> IndexValue:
    return IndexValue(name=name, label=name.capitalize(), value=value)


INTERVIEW = ScenarioId("interview")
LINKS = ReportId("report_int_links")
