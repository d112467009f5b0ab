"""What the followers follow: people, their files and recordings in the database, and a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

from psycopg.types.json import Jsonb

import cards_store
import incoming_store
import recording_wizard_store
import recordings_store
import transcripts_store
from chat_deliveries import ChatDeliveries
from datamodels import (
    Recording,
    ReportRunId,
    RunStatus,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    UserId,
)
from datamodels_telegram import (
    AttachedFile,
    ChatId,
    FileKind,
    FilePurpose,
    IncomingFile,
    IncomingMessage,
    MessageId,
    ProgressCard,
    Screen,
    Shown,
    TelegramPerson,
)
from db import Connection, Database
from downloads import Downloads
from followers import KeyedTasks
from lost_originals import LostOriginals
from messenger import MessengerError
from outbox import Outbox
from progress import ProgressCards
from recording_wizard import RecordingWizards
from recordings.uploads import Uploads
from recordings_factory import add_user, new_recording
from telegram_double import TelegramDouble
from telegram_handlers.speech_deliveries import SpeechDeliveries

INTERVIEW = ScenarioId("interview")
_chats = count(5_000_000_000)
_messages = count(10)

Follower = (
    ChatDeliveries | Downloads | LostOriginals | ProgressCards | Outbox | RecordingWizards | SpeechDeliveries | Uploads
)


class Clock:
    """Time passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def look(follower: Follower, times: int = 1) -> None:
    """Have a follower look once, and do all that it finds, as the first look of a new process."""
    for _ in range(times):
        async with asyncio.TaskGroup() as group:
            tasks: KeyedTasks[object] = KeyedTasks("test", group, lambda: None)
            await follower._look(tasks)  # type: ignore[arg-type]  # keys differ


class Killer:
    """Ends a process at its n-th moment: before or after a call of Telegram, before, in or after a transaction."""

    def __init__(self, at: int) -> None:
        self.moments_left = at
        self.process: asyncio.Task[None] | None = None

    async def moment(self) -> None:
        self.moments_left -= 1
        if self.moments_left == 0 and self.process is not None and not self.process.done():
            self.process.cancel()
            await asyncio.Event().wait()

    @property
    def has_killed(self) -> bool:
        return self.moments_left <= 0


class DatabaseUntilKilled(Database):
    """The real database, for a process that can be killed around its transactions."""

    def __init__(self, database: Database, killer: Killer) -> None:
        super().__init__("", database.pool)
        self._killer = killer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        await self._killer.moment()
        async with super().transaction() as connection:
            yield connection
            await self._killer.moment()
        await self._killer.moment()


async def killed(killer: Killer, follower: Follower, times: int = 4) -> bool:
    """Have a follower look until it is killed; False when it came to its end before."""
    killer.process = asyncio.create_task(look(follower, times))
    await asyncio.wait([killer.process])
    if not killer.process.cancelled():
        killer.process.result()
    return killer.has_killed


class TelegramOfFiles(TelegramDouble):
    """With files to download: ``content`` by message, given up to ``stops_at`` bytes when that is set."""

    def __init__(self, killer: Killer | None = None) -> None:
        super().__init__()
        self.killer = killer or Killer(0)
        self.stops_at: int | None = None
        self.stopped = asyncio.Event()
        self.begun: list[MessageId] = []
        self.fetched: list[int] = []
        """How many bytes each download got."""
        self.sends = 0
        self.edits: list[str] = []
        self.files: list[tuple[str, bytes]] = []
        """Names and contents, one for each try."""
        self.sounds: list[Shown | None] = []
        """How each of these is shown."""

    async def send(
        self, chat: ChatId, screen: Screen, *, random_id: int | None = None, may_differ: bool = False
    ) -> MessageId:
        await self.killer.moment()
        self.sends += 1
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
        data = content if isinstance(content, bytes) else await asyncio.to_thread(content.read_bytes)
        self.files.append((file_name, data))
        self.sounds.append(shown)
        return await super().send_file(chat, content, file_name, screen, random_id=random_id, shown=shown)

    async def edit(self, chat: ChatId, message: MessageId, screen: Screen, *, may_wait: bool = False) -> bool:
        await self.killer.moment()
        done = await super().edit(chat, message, screen, may_wait=may_wait)
        self.edits.append(screen.text)
        await self.killer.moment()
        return done

    async def download(
        self,
        chat: ChatId,  # noqa: ARG002  # messages have ids of their own here
        message: MessageId,
        path: Path,
        size: int,
        on_bytes: Callable[[int], None],
    ) -> None:
        self.begun.append(message)
        await self.killer.moment()
        self._fail("download")
        content = self.content[message]
        stop = len(content) if self.stops_at is None else self.stops_at

        def write() -> int:
            have = path.stat().st_size if path.exists() else 0
            with path.open("ab") as file:
                file.write(content[have:stop])
            return have

        have = await asyncio.to_thread(write)
        self.fetched.append(stop - have)
        on_bytes(stop)
        if stop < size:
            self.stopped.set()
            await asyncio.Event().wait()


class Somebody:
    """A person with a chat."""

    def __init__(self, database: Database, owner: UserId) -> None:
        self.database = database
        self.owner = owner
        self.chat = ChatId(next(_chats))

    @classmethod
    async def come(cls, database: Database) -> "Somebody":
        async with database.transaction() as connection:
            return cls(database, await add_user(connection))

    async def sends(
        self,
        telegram: TelegramOfFiles,
        content: bytes,
        name: str = "interview_17.ogg",
        scenario: ScenarioId | None = INTERVIEW,
        caption: str = "",
        purpose: FilePurpose | None = None,
    ) -> IncomingFile:
        """A file comes in, as the handler notes it."""
        message = MessageId(next(_messages))
        telegram.content[message] = content
        incoming = IncomingMessage(
            chat_id=self.chat,
            message_id=message,
            person=TelegramPerson(id=self.chat, name="Мария"),
            text=caption,
            file=AttachedFile(kind=FileKind.DOCUMENT, file_name=name, size_bytes=len(content)),
        )
        async with self.database.transaction() as connection:
            file = await incoming_store.add(connection, self.owner, incoming, scenario, purpose)
            await cards_store.add_incoming_card(connection, file)
        return file

    async def file(self, incoming_id: int) -> IncomingFile:
        async with self.database.transaction() as connection:
            return await incoming_store.get(connection, self.owner, incoming_id)

    async def cancels(self, incoming_id: int) -> None:
        async with self.database.transaction() as connection:
            assert await incoming_store.cancel(connection, self.owner, incoming_id)

    async def has_recording(
        self, *texts: str, scenario: str = "interview", caption: str = "", card: bool = False
    ) -> Recording:
        """A recording that is done, whose wizard waits for that, with what was said in it."""
        new = new_recording(self.owner)
        request = new.request.model_copy(update={"scenario": ScenarioId(scenario), "caption": caption})
        async with self.database.transaction() as connection:
            recording = await recordings_store.insert_recording(
                connection, new.model_copy(update={"request": request, "file_name": "interview_17.ogg"})
            )
            await transcripts_store.save_transcript(connection, recording.id, _transcript(texts), "hash")
            await recording_wizard_store.start(connection, self.owner, self.chat, recording.id)
            if card:
                await cards_store.add_recording_card(connection, self.owner, self.chat, recording.id)
        await self.reaches(recording, Stage.DONE)
        return recording

    async def reaches(self, recording: Recording, stage: Stage) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(
                "UPDATE recordings SET stage = %s, error_code = NULL, error_text = NULL, retry_at = NULL WHERE id = %s",
                (stage, recording.id),
            )

    async def fails(self, recording: Recording, error: MessengerError | Exception, retry_at: datetime | None) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(
                "UPDATE recordings SET error_code = %s, error_text = %s, retry_at = %s WHERE id = %s",
                (getattr(error, "code", "x"), getattr(error, "user_text", "x"), retry_at, recording.id),
            )

    async def orders(self, recording: Recording, *reports: str) -> tuple[ProgressCard, list[ReportRunId]]:
        runs = [ReportRunId(uuid4()) for _ in reports]
        async with self.database.transaction() as connection:
            for place, (run, report) in enumerate(zip(runs, reports, strict=True)):
                await connection.execute(
                    """
                    INSERT INTO report_runs (
                        id, recording_id, owner_id, scenario, report_id, input_hash, prompt_hash, model, status,
                        passes_total, number
                    ) VALUES (%s, %s, %s, 'interview', %s, %s, 'prompt', 'model', 'queued', 2, %s)
                    """,
                    (run, recording.id, self.owner, report, uuid4().hex, place + 1),
                )
            card = await cards_store.add_reports_card(connection, self.owner, self.chat, recording.id, runs)
        return card, runs

    async def report_ends(self, run: ReportRunId, status: RunStatus, text: str = "") -> None:
        async with self.database.transaction() as connection:
            await connection.execute(
                """
                UPDATE report_runs SET status = %s, text = %s, error_text = %s, indices = %s, finished_at = now()
                WHERE id = %s
                """,
                (status, text, text, Jsonb([{"name": "n", "label": "Связок", "value": 7}]), run),
            )


def _transcript(texts: tuple[str, ...]) -> Transcript:
    segments = tuple(
        Segment(start=float(place), end=place + 1.0, text=text, speaker=f"S{place % 2 + 1}")
        for place, text in enumerate(texts)
    )
    return Transcript(language="ru", engine="e", model="m", duration_s=60.0, speakers=2, segments=segments)
