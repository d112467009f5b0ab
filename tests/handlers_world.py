"""A person who presses what is seen and types, over the real handlers, stores and database; Telegram is in memory."""

from datetime import date, datetime
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import metadata_store
import recording_wizard_store
import recordings_store
import transcripts_store
from access import Team
from application.corrections import corrections
from application.speeches import answer_source, report_source
from audio import BUILT_IN
from chats.reading import ChatReading
from conversations.hybrid import HybridStorage
from datamodels import (
    ProcessingRequest,
    Recording,
    RecordingMetadata,
    Role,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    User,
)
from datamodels_telegram import (
    AttachedFile,
    Button,
    ChatId,
    FileKind,
    IncomingMessage,
    MessageId,
    TelegramPerson,
    WizardStep,
)
from db import Connection, Database
from dead_letters import DeadLetters, Enqueue
from default_pack import PACK
from dialogs import Dialog, Dialogs, OpenDialog, Step
from embeddings.port import Embeddings
from jobs.context import JobContext
from jobs.queue import Jobs
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from jobs.running import OtherSteps
from jobs.speeches import SPEECH_QUEUE, SpeechSteps
from jobs.words import WORDS_QUEUE, WordsSteps
from knowledge.documents import Documents
from language_model.port import LanguageModel
from machine import Machine
from markups.callback_data import Action, unpack
from md_storage import ReportFiles
from message_tracker import MessageTracker
from metadata.form import MetadataForm
from metadata.waiting import WaitingRecordings
from object_store import ObjectStore
from recordings.cancellations import Cancellations
from recordings.changes import RecordingChanges
from recordings.descriptions import Descriptions
from recordings.intake import Intake, IntakeLimits
from recordings.lookup import Recordings
from recordings.originals import Originals
from recordings.preferences import Preferences
from recordings.sent_files import SentFiles
from recordings.work_in_progress import WorkInProgress
from recordings_factory import new_recording
from reports.archive import ReportArchive
from reports.estimate import Estimates, ModelSize
from reports.orders import ReportOrders
from reports.research.forgetting import ResearchForgetting
from reports.research.orders import ResearchOrders
from screens import drawn
from scripted_model import ScriptedModel
from sign_in.sessions import Sessions
from speech_to_text.port import SpeechToText
from speeches.service import Speeches
from speeches.store import SpeechOf
from telegram_double import TelegramDouble
from telegram_handlers.beside import Steps
from telegram_handlers.browser import BrowserHandlers
from telegram_handlers.context import Context, PressHandler
from telegram_handlers.dead_letters import DeadLetterHandlers, LettersWork
from telegram_handlers.documents import DocumentHandlers
from telegram_handlers.menu import MenuHandlers, MenuWork, SystemFacts
from telegram_handlers.metadata import MetadataHandlers
from telegram_handlers.recordings import RecordingHandlers, RecordingWork
from telegram_handlers.reports import ReportHandlers, ReportWork
from telegram_handlers.research import ResearchHandlers, ResearchWork
from telegram_handlers.settings import SettingsHandlers
from telegram_handlers.shared import awaited
from telegram_handlers.speeches import SpeechHandlers
from telegram_handlers.voice_notes import VoiceNoteHandlers
from telegram_handlers.waiting import WaitingHandlers
from text_to_speech.port import TextToSpeech
from updates_journal import UpdatesJournal
from user_states import get
from users_store import ensure_telegram_user
from voices.encoder import VoiceEncoder

TODAY = date(2026, 11, 21)
MB = 1024 * 1024
LIMITS = IntakeLimits(largest_bytes=2048 * MB, longest_s=8 * 3600.0)
_people = count(7_000_000_000)


class Engines:
    """Only the language model is asked for: orders depend on it."""

    def __init__(self, model: LanguageModel | None) -> None:
        self.model = model

    async def speech_to_text(self) -> SpeechToText:
        raise AssertionError("nothing is transcribed here")

    async def language_model(self) -> LanguageModel | None:
        return self.model

    async def voice_encoder(self) -> VoiceEncoder:
        raise AssertionError("no voices here")

    async def embeddings(self) -> Embeddings | None:
        return None


class Bot:
    """The handlers of recordings, metadata and reports, and how often they woke the loops."""

    def __init__(
        self, database: Database, folder: Path, objects: ObjectStore, telegram: TelegramDouble | None = None
    ) -> None:
        self.database = database
        self.objects = objects
        self.telegram = telegram or TelegramDouble()
        self.engines = Engines(ScriptedModel(lambda _: ""))
        self.demonstration = False
        self.woken = 0
        self.asked: list[str] = []
        self.asked_again: str | None = None
        """The step that is asked again below the latest answer."""
        self.messages = messages = MessageTracker(database, self.telegram)
        context = JobContext(
            database,
            objects,
            Originals(database, objects, folder),
            PACK,
            self.engines,
            BUILT_IN,
            folder / "spool",
        )
        files = ReportFiles(folder / "reports")
        self.archive = ReportArchive(database, files, PACK)
        steps = ReportSteps(context, files, self.archive)
        others: dict[str, OtherSteps] = {
            SPEECH_QUEUE: SpeechSteps(context, self._text_to_speech),
            WORDS_QUEUE: WordsSteps(context),
        }
        jobs = Jobs(database, RecordingSteps(context), steps, 1, others=others)

        async def engine() -> tuple[str, str]:
            return "scripted", "scripted-1"

        intake = Intake(database, objects, LIMITS, jobs.enqueue_recording, engine)
        changes = RecordingChanges(
            database,
            objects,
            files,
            PACK,
            jobs.enqueue_recording,
            jobs.stopped,
            ResearchForgetting(database, files, PACK).forget,
        )
        descriptions = Descriptions(database, PACK, changes, lambda: TODAY)
        self.jobs = jobs
        self.voice: TextToSpeech | None = None
        """What says texts."""
        self.hourly = 3
        self.saying, self.hearing = others[SPEECH_QUEUE], others[WORDS_QUEUE]
        sources = {
            SpeechOf.ANSWER: partial(answer_source, ChatReading(database)),
            SpeechOf.REPORT: partial(report_source, self.archive),
        }
        self.speeches = Speeches(database, sources, self._voice_name, self._say, self.hourly)
        orders = ReportOrders(database, PACK, self._language_model, jobs.enqueue_report, jobs.cancel_reports)
        self.orders = orders
        self.research = ResearchOrders(
            database, PACK, self._language_model, jobs.enqueue_report, lambda: self.demonstration, 100
        )
        self.preferences = Preferences(database)
        self.work = recordings = RecordingWork(
            pack=PACK,
            files=SentFiles(database, LIMITS, descriptions),
            recordings=Recordings(database),
            descriptions=descriptions,
            intake=intake,
            changes=changes,
            cancellations=Cancellations(database, jobs.cancel_recording, orders.cancel),
            preferences=self.preferences,
            wake=self._wake,
        )
        self.size: ModelSize | None = None
        estimates = Estimates(database, PACK, lambda: self.size)
        reports = ReportWork(PACK, orders, estimates, lambda: self.demonstration, self._wake)
        form = MetadataForm(database, lambda: TODAY)
        enqueue = Enqueue(jobs.enqueue_recording, jobs.enqueue_report, jobs.enqueue_answer)
        self.letters = DeadLetters(database, enqueue)
        self.journal = UpdatesJournal(folder / "updates.journal")
        self.engines_down: dict[str, datetime] = {}
        self.storage = HybridStorage(database, folder / "conversations")
        self.machine = Machine(database, self.journal, lambda: self.engines_down, lambda: self.storage.state)
        waiting = WaitingRecordings(database)
        form = MetadataForm(database, lambda: TODAY)
        facts = SystemFacts(str, "", LIMITS, folder)
        self.menu_work = MenuWork(WorkInProgress(database), self.letters, self.machine, facts, waiting, self.speeches)
        self.menu = MenuHandlers(messages, self.menu_work)
        metadata = MetadataHandlers(form, self.menu.main_menu_of, messages, PACK, self._wake, self.ask, estimates)
        ordering = ReportHandlers(messages, reports)
        self.routes = [
            self.menu.routes(),
            DeadLetterHandlers(messages, LettersWork(self.letters, PACK, self._wake)).routes(),
            RecordingHandlers(messages, recordings).routes(),
            VoiceNoteHandlers(messages, recordings.files, changes, self.preferences, self._wake).routes(),
            SettingsHandlers(
                messages,
                self.preferences,
                recordings.recordings,
                intake,
                Dialogs(database),
                self._wake,
            ).routes(),
            metadata.routes(),
            ordering.routes(),
            WaitingHandlers(waiting, recordings.recordings, messages, PACK, metadata, ordering).routes(),
            ResearchHandlers(messages, ResearchWork(PACK, self.research, self._wake)).routes(),
            DocumentHandlers(messages, Documents(database)).routes(),
            *corrections(database, PACK, messages, self._wake),
            SpeechHandlers(messages, self.speeches, Dialogs(database), self._wake).routes(),
            BrowserHandlers(messages, Sessions(database, Team(None, frozenset())), "https://vox.example").routes(),
        ]

    @property
    def steps(self) -> Steps:
        answers = {step: answer for routes in self.routes for step, answer in routes.answers.items()}
        again = {step: ask for routes in self.routes for step, ask in routes.again.items()}
        return Steps(answers, again, self.messages, self.ask)

    async def _text_to_speech(self) -> TextToSpeech | None:
        return self.voice

    async def _voice_name(self) -> str | None:
        return None if self.voice is None else self.voice.voice

    async def _say(self, connection: Connection, id_: UUID) -> None:
        await self.jobs.enqueue_other(SPEECH_QUEUE, connection, id_)

    async def _language_model(self) -> LanguageModel | None:
        return await self.engines.language_model()

    def _wake(self) -> None:
        self.woken += 1

    async def ask(self, context: Context, message: IncomingMessage) -> None:
        self.asked.append(message.text)
        self.asked_again = None if context.again is None else context.again.screen.text

    def of(self, action: Action) -> PressHandler:
        return next(routes.presses[action][1] for routes in self.routes if action in routes.presses)


class Person:
    """Someone in a private chat with the bot."""

    def __init__(self, bot: Bot, user: User) -> None:
        assert user.telegram_id is not None
        self.bot = bot
        self.user = user
        self.chat = ChatId(user.telegram_id)
        self.heard: list[str] = []
        """What was shown over pressed buttons."""
        self._messages = count(1_000_000)  # what a person writes comes after all that stands in the chat

    @classmethod
    async def come(cls, bot: Bot, name: str = "Мария", role: Role = Role.USER) -> "Person":
        async with bot.database.transaction() as connection:
            person = TelegramPerson(id=next(_people), name=name)
            return cls(bot, await ensure_telegram_user(connection, person, role))

    @property
    def sees(self) -> str:
        """The messages of the bot, with their buttons."""
        return "\n---\n".join(drawn(screen) for screen in self.bot.telegram.chats.get(self.chat, {}).values())

    @property
    def buttons(self) -> list[tuple[MessageId, Button]]:
        """What can be pressed, the latest message's first."""
        messages = reversed(self.bot.telegram.chats.get(self.chat, {}).items())
        return [(message, button) for message, screen in messages for row in screen.keyboard for button in row]

    async def press(self, label: str) -> None:
        """Press the latest button that reads so."""
        for message, button in self.buttons:
            if button.text == label:
                self.bot.telegram.tell(f"{self.user.name} presses [{label}]")
                await self.press_data(button.data, message)
                return
        raise AssertionError(f"no button «{label}» among:\n{self.sees}")

    async def is_asked(self) -> bool:
        """Whether the bot waits for an answer about a recording."""
        async with self.bot.database.transaction() as connection:
            return await get(connection, self.user.id, Dialog) is not None

    async def dialog_step(self) -> Step | None:
        """The step at which the bot waits for an answer about a recording."""
        async with self.bot.database.transaction() as connection:
            dialog = await get(connection, self.user.id, Dialog)
        return None if dialog is None else dialog.step

    async def press_data(self, data: str, message: MessageId | None = None, update: str = "") -> None:
        """Press a button with this data, whether there is one or not.

        A press with the same ``update`` as an earlier one is that press, handled again.
        """
        press = unpack(data)
        context = Context(self.user, self.chat, self.hear, message or MessageId(1), update)
        await self.bot.of(press.action)(context, press)

    async def type(self, text: str, message_id: int | None = None) -> int:
        """Answer the dialog; returns the message's id."""
        self.bot.telegram.tell(f"{self.user.name}: {text}")
        message = self._message(text, message_id)
        dialog = await awaited(Dialogs(self.bot.database), self.bot.messages, self.user.id, message)
        assert isinstance(dialog, OpenDialog), "the bot waits for nothing"
        _, handler = self.bot.steps.at(dialog.step)
        await handler(Context(self.user, self.chat, self.hear), message)
        return message.message_id

    async def command(self, name: str) -> None:
        self.bot.telegram.tell(f"{self.user.name}: /{name}")
        [handler] = [routes.commands[name][1] for routes in self.bot.routes if name in routes.commands]
        await handler(Context(self.user, self.chat, self.hear), self._message(f"/{name}"))

    async def send(self, file_name: str, size_bytes: int = MB, caption: str = "", **more: object) -> None:
        """Send a file."""
        file = AttachedFile(kind=FileKind.DOCUMENT, file_name=file_name, size_bytes=size_bytes)
        await self._sent(self._message(caption).model_copy(update={"file": file, **more}))

    async def speaks(self, seconds: int = 4) -> None:
        """Send a voice note."""
        file = AttachedFile(kind=FileKind.VOICE, file_name="voice.ogg", size_bytes=20_000, duration_s=seconds)
        await self._sent(self._message("").model_copy(update={"file": file}))

    async def _sent(self, message: IncomingMessage) -> None:
        [handler] = [routes.files[1] for routes in self.bot.routes if routes.files is not None]
        await handler(Context(self.user, self.chat, self.hear), message)

    async def has_recording(
        self,
        scenario: str = "interview",
        *,
        file_name: str = "interview_17.ogg",
        stage: Stage = Stage.DONE,
        metadata: RecordingMetadata | None = None,
        step: WizardStep = WizardStep.CONFIRMATION,
    ) -> Recording:
        """Give the person a recording, with a transcript when it is done."""
        async with self.bot.database.transaction() as connection:
            request = ProcessingRequest(scenario=ScenarioId(scenario))
            new = new_recording(self.user.id).model_copy(update={"file_name": file_name, "request": request})
            recording = await recordings_store.insert_recording(connection, new)
            await recordings_store.set_stage(connection, recording, stage, 1.0)
            if stage is Stage.DONE:
                await transcripts_store.save_transcript(connection, recording.id, TRANSCRIPT, "hash")
            if metadata is not None:
                await metadata_store.save_metadata(connection, recording.id, metadata)
            await recording_wizard_store.start(connection, self.user.id, self.chat, recording.id)
            wizard = await recording_wizard_store.get(connection, self.user.id, recording.id)
            await recording_wizard_store.move(connection, wizard, step)
            return await recordings_store.get_recording(connection, self.user.id, recording.id)

    async def step(self, recording: Recording) -> WizardStep:
        """Where the wizard about a recording stands."""
        async with self.bot.database.transaction() as connection:
            return (await recording_wizard_store.get(connection, self.user.id, recording.id)).step

    async def metadata(self, recording: Recording) -> RecordingMetadata:
        async with self.bot.database.transaction() as connection:
            return await metadata_store.load_metadata(connection, recording.id)

    def written(self, text: str) -> IncomingMessage:
        """Return a message that is newer than all that the chat has."""
        newest = max(self.bot.telegram.chats.get(self.chat, {}), default=0)
        return self._message(text, max(newest, next(self._messages)) + 1)

    def _message(self, text: str, message_id: int | None = None) -> IncomingMessage:
        return IncomingMessage(
            chat_id=self.chat,
            message_id=MessageId(message_id or next(self._messages)),
            person=TelegramPerson(id=self.chat, name=self.user.name),
            text=text,
        )

    async def hear(self, text: str) -> None:
        self.bot.telegram.tell(f"bot over the button: {text}")
        self.heard.append(text)


TRANSCRIPT = Transcript(
    language="ru",
    engine="scripted",
    model="scripted-1",
    duration_s=2530.0,
    speakers=2,
    segments=(Segment(start=0.0, end=2.0, text="Добрый день.", speaker="S1", role="Сотрудник"),),
)
