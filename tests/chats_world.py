"""A person with chats and recordings, over the real handlers, stores and database; Telegram is in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import cast

import metadata_store
import recordings_store
import transcripts_store
import user_states
from application.training_data import collect_from
from chat_deliveries import ChatDeliveries
from chats.asking import Asking
from chats.export import write_history
from chats.search import TranscriptSearch
from chats.threads import Chats
from conversations.hybrid import HybridStorage
from conversations.learning import Learning
from conversations.ratings import Ratings
from datamodels import RecordingId, RecordingMetadata, Role, ScenarioId, Segment, Transcript, User, UserId
from datamodels_chats import AnswerId
from datamodels_telegram import ChatId, IncomingMessage, MessageId, OtherMedia, Screen, Shown, TelegramPerson
from db import Connection, Database
from default_pack import PACK
from dialogs import Dialogs, OpenDialog, Step
from embeddings.port import Embeddings
from errors import NotFound, OutdatedButton, VoxPersonaError
from followers_world import Killer, look
from jobs.chats import AnswerSteps
from jobs.context import Engines, JobContext
from language_model.port import LanguageModel
from markups.callback_data import unpack
from markups.menus import main_menu
from message_tracker import MessageTracker
from metadata.form import MetadataForm
from object_store import ObjectStore
from outbox import Outbox, OutboxFiles
from recordings.originals import Originals
from recordings_factory import new_recording
from reports.across.service import AcrossInterviews
from reports.estimate import Estimates
from screens import check, drawn
from system.local_time import today
from telegram_double import TelegramDouble
from telegram_handlers.across import AcrossHandlers, AcrossWork
from telegram_handlers.asking import AskingHandlers, AskingWork
from telegram_handlers.beside import Steps
from telegram_handlers.chats import ChatHandlers, ChatWork
from telegram_handlers.context import Context
from telegram_handlers.metadata import MetadataHandlers
from telegram_handlers.ratings import RatingHandlers, RatingWork
from texts.telegram import OUTDATED
from users_store import ensure_telegram_user

TODAY = date(2026, 11, 21)
MOST = 1000
"""Questions of a person an hour."""
_people = count(9_000_000_000)


class ChatsDouble(TelegramDouble):
    """Keeps the files that were sent, takes no screen that Telegram would not, and tells all as a storyboard."""

    def __init__(self) -> None:
        super().__init__()
        self.killer = Killer(0)
        """Whoever may end the process around each message."""
        self.files: list[tuple[str, str]] = []
        """Name and text."""
        self.story: list[str] = []

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        check(screen)
        self._tell("bot", screen)
        await self.killer.moment()
        message = await super().send(chat, screen, random_id=random_id, may_differ=may_differ)
        await self.killer.moment()
        return message

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
        assert isinstance(content, Path)
        self.files.append((file_name, await asyncio.to_thread(content.read_text, encoding="utf-8-sig")))
        self.story.append(f"bot sends <{file_name}>")
        return await super().send_file(chat, content, file_name, screen, random_id=random_id, shown=shown)

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        check(screen)
        self._tell("bot, in the same message", screen)
        return await super().edit(chat, message, screen, may_wait=may_wait)

    async def delete(self, chat: ChatId, messages: Sequence[MessageId]) -> None:
        await super().delete(chat, messages)
        await self.killer.moment()
        self.story.append(f"bot removes earlier messages: {len(messages)}")

    def _tell(self, who: str, screen: Screen) -> None:
        self.story.append(f"{who}:\n" + "\n".join(f"    {line}".rstrip() for line in drawn(screen).splitlines()))


class _OneModel:
    def __init__(self) -> None:
        self.model: LanguageModel | None = None

        self.embedder: Embeddings | None = None

    async def language_model(self) -> LanguageModel | None:
        return self.model

    async def embeddings(self) -> Embeddings | None:
        return self.embedder


class ChatsBot:
    """The handlers of chats and what brings their answers. ``model`` is the language model, at first none."""

    def __init__(self, database: Database, folder: Path, telegram: ChatsDouble | None = None) -> None:
        self.database = database
        self.spool = folder / "spool"
        self.telegram = telegram or ChatsDouble()
        self.engines = _OneModel()
        self.waiting: list[AnswerId] = []
        """Answers whose jobs are in the queue."""
        self.queued: list[AnswerId] = []
        """Those whose jobs ever were."""
        self.refuses: VoxPersonaError | None = None
        """What the queue raises in place of taking a job."""
        self.context = JobContext(
            database,
            cast("ObjectStore", None),
            cast("Originals", None),
            PACK,
            cast("Engines", self.engines),
            Path(),
            self.spool,
        )
        self.search = TranscriptSearch(database, PACK)
        self.storage = HybridStorage(database, self.spool / "conversations")
        self.learning = Learning(self.storage, self.engines.embeddings, 2)
        self.steps = AnswerSteps(self.context, self.search, self.storage, self.learning, 2000)
        self.chats = Chats(database, self._enqueue, self.storage.get_stats, MOST)
        messages = MessageTracker(database, self.telegram)
        self.outbox = Outbox(database, messages, OutboxFiles(database, cast("Originals", None), PACK, self.spool))
        self.deliveries = ChatDeliveries(database, messages, lambda: None)
        self.handlers = ChatHandlers(
            Dialogs(database),
            messages,
            ChatWork(self.chats, partial(write_history, database), self.spool, lambda: TODAY),
        )
        form = MetadataForm(database, lambda: TODAY)
        self.metadata = MetadataHandlers(
            form,
            self._menu,
            messages,
            PACK,
            lambda: None,
            self.handlers.ask,
            Estimates(database, PACK, lambda: None),
        )
        self.ratings = RatingHandlers(
            Dialogs(database),
            messages,
            RatingWork(Ratings(database, self.storage), partial(collect_from, database), self.spool),
        )
        self.asking = AskingHandlers(messages, AskingWork(self.chats, Asking(database, self._enqueue, MOST), PACK))
        across = AcrossHandlers(messages, AcrossWork(AcrossInterviews(database, PACK, today), today, Path()))
        chats, ratings = self.handlers.routes(), self.ratings.routes()
        self.routes = replace(
            chats,
            presses={
                **self.metadata.routes().presses,
                **chats.presses,
                **ratings.presses,
                **self.asking.routes().presses,
                **across.routes().presses,
            },
            answers={**self.metadata.routes().answers, **chats.answers, **ratings.answers},
        )
        self.at_step = Steps(self.routes.answers, ratings.again, messages, self.handlers.ask)

    async def _menu(self, user: User, hint: str) -> Screen:  # noqa: ARG002  # everybody has the same here
        return main_menu(hint, 0, avatars=False)

    async def _enqueue(
        self,
        connection: Connection,  # noqa: ARG002
        owner: UserId,  # noqa: ARG002
        answer_id: AnswerId,
    ) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.waiting.append(answer_id)
        self.queued.append(answer_id)

    async def work(self) -> None:
        """Do the jobs that wait, and deliver what they led to."""
        while self.waiting:
            await self.steps.answer(self.waiting.pop(0))
        await self.deliver()

    async def deliver(self) -> None:
        """As the loops do, of the outbox as often as there is something of this chat left."""
        await look(self.deliveries)
        for _ in range(4):
            await look(self.outbox)


class Asker:
    """Someone in a private chat with the bot."""

    def __init__(self, bot: ChatsBot, user: User) -> None:
        assert user.telegram_id is not None
        self.bot = bot
        self.user = user
        self.id: UserId = user.id
        self.chat = ChatId(user.telegram_id)
        self.heard: list[str] = []
        self._messages = count(1)

    @classmethod
    async def come(cls, bot: ChatsBot, role: Role = Role.USER) -> "Asker":
        async with bot.database.transaction() as connection:
            person = TelegramPerson(id=next(_people), name="Мария")
            return cls(bot, await ensure_telegram_user(connection, person, role))

    @property
    def sees(self) -> str:
        """The messages of the bot, with their buttons."""
        return "\n---\n".join(drawn(screen) for screen in self.bot.telegram.chats.get(self.chat, {}).values())

    @property
    def last(self) -> str:
        """The latest message of the bot."""
        return drawn(list(self.bot.telegram.chats[self.chat].values())[-1])

    @property
    def files(self) -> list[tuple[str, str]]:
        return self.bot.telegram.files

    async def has_recording(
        self,
        *said: str | tuple[str, str],
        scenario: str = "interview",
        day: date | None = None,
    ) -> RecordingId:
        """Give the person a transcript: utterances, with their roles or without, ten seconds each."""
        segments = tuple(
            Segment(
                start=10.0 * place,
                end=10.0 * place + 9,
                text=each if isinstance(each, str) else each[1],
                speaker=None if isinstance(each, str) else "S1",
                role=None if isinstance(each, str) else each[0],
            )
            for place, each in enumerate(said)
        )
        transcript = Transcript(
            language="ru", engine="e", model="m", duration_s=10.0 * len(said), speakers=2, segments=segments
        )
        async with self.bot.database.transaction() as connection:
            recording = await recordings_store.insert_recording(connection, new_recording(self.id))
            request = recording.request.model_copy(update={"scenario": ScenarioId(scenario)})
            await recordings_store.update_request(connection, recording.id, request, restart=False)
            await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
            if day is not None:
                metadata = RecordingMetadata(recorded_on=day)
                await metadata_store.save_metadata(connection, recording.id, metadata)
        return recording.id

    async def asks(self, question: str, message_id: int | None = None) -> str:
        """Ask and wait for the answer; returns the latest message."""
        await self.writes(question, message_id)
        await self.bot.work()
        return self.last

    async def writes(self, text: str, message_id: int | None = None) -> int:
        """Write something that nobody asked for, or the answer to what is asked; returns the message's id."""
        self.bot.telegram.story.append(f"{self.user.name}: {text}")
        message = self._message(text, message_id)
        step = await self.step()
        handler = self.bot.handlers.ask if step is None else self.bot.at_step.at(step)[1]
        await handler(Context(self.user, self.chat, self._hear), message)
        return message.message_id

    async def sends(self, other: OtherMedia) -> None:
        """Send something without words that is no file."""
        message = self._message("").model_copy(update={"other": other})
        await self.bot.handlers.ask(Context(self.user, self.chat, self._hear), message)

    async def press(self, label: str) -> None:
        """Press the latest button that reads so."""
        for message, screen in reversed(self.bot.telegram.chats[self.chat].items()):
            for button in (button for row in screen.keyboard for button in row):
                if button.text == label:
                    self.bot.telegram.story.append(f"{self.user.name} presses [{label}]")
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
        except (OutdatedButton, NotFound):
            await self._hear(OUTDATED)

    async def command(self, text: str) -> None:
        self.bot.telegram.story.append(f"{self.user.name}: {text}")
        name = text.removeprefix("/").split()[0]
        handlers = {**self.bot.routes.commands, **self.bot.metadata.routes().commands}
        await handlers[name][1](Context(self.user, self.chat, self._hear), self._message(text))

    async def step(self) -> Step | None:
        """What the bot waits for."""
        async with self.bot.database.transaction() as connection:
            dialog = await user_states.get(connection, self.id, OpenDialog)
        return None if dialog is None else dialog.step

    async def numbers(self) -> list[int]:
        """The numbers of the person's chats, the one that was used last first."""
        page = await self.bot.chats.page(self.id, 1, 1000)
        return [chat.number for chat in page.chats]

    async def active(self) -> int:
        return (await self.bot.chats.active(self.id)).number

    def _message(self, text: str, message_id: int | None = None) -> IncomingMessage:
        return IncomingMessage(
            chat_id=self.chat,
            message_id=MessageId(message_id or next(self._messages)),
            person=TelegramPerson(id=self.chat, name=self.user.name),
            text=text,
        )

    async def _hear(self, text: str) -> None:
        self.heard.append(text)
