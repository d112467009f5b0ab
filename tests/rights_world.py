"""The bot as the application wires it, a person who has one of everything, and what forged buttons do to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import uuid4

import cards_store
import incoming_store
import metadata_store
import recordings_store
import reports_store
import transcripts_store
import users_store
from access import Team, may
from application.bot import router_of
from application.followers import Followers
from application.parts import Application, open_application
from application.team import TeamParts
from chats.threads import Chats
from config import Settings
from database_copies import copied_database
from datamodels import (
    NewReportRun,
    RecordingMetadata,
    ReportId,
    Role,
    ScenarioId,
    Segment,
    Stage,
    Transcript,
    User,
    UserId,
    Visibility,
)
from datamodels_chats import Occasion
from datamodels_telegram import AttachedFile, ButtonPress, ChatId, FileKind, IncomingMessage, MessageId, TelegramPerson
from db import Database
from default_pack import PACK
from errors import VoxPersonaError
from handlers import Router
from inbox import Inbox
from markups.callback_data import SEPARATOR, Action, unpack, word_of
from message_tracker import MessageTracker
from recordings.preferences import Preferences
from recordings_factory import new_recording
from reports.takeout.orders import TakeoutOrders
from screens import drawn
from sign_in.sessions import Sessions
from telegram_double import TelegramDouble
from telegram_handlers.context import Context
from updates_journal import UpdatesJournal

OWNER, ANNA = 1, 2
SECRET = "Тайнопись"  # noqa: S105  # a word to look for
"""Stands in everything of Anna's."""


@dataclass
class World:
    """The bot as the application wires it, and what Anna has."""

    application: Application
    telegram: TelegramDouble
    router: Router
    anna: User
    arguments: Sequence[Sequence[str]]
    """Everything of Anna's that a button can name."""

    @property
    def database(self) -> Database:
        return self.application.database

    async def is_answered(self, press: ButtonPress) -> bool:
        query = "SELECT done_at IS NOT NULL AS done FROM seen_updates WHERE update_id = %s"
        async with self.database.transaction() as connection:
            row = await (await connection.execute(query, (press.query_id,))).fetchone()
        return bool(row and row["done"])

    async def refused(self, chat: ChatId, data: str, query_id: int) -> str:
        """Somebody presses a button in the router; return what is in the chat then."""
        person = TelegramPerson(id=chat, name="Борис")
        press = ButtonPress(query_id=query_id, chat_id=chat, message_id=MessageId(50), person=person, data=data)
        await self.router.on_press(press)
        async with asyncio.timeout(20):
            while not await self.is_answered(press):
                pass
        return "\n".join(map(drawn, self.telegram.chats.pop(chat, {}).values()))

    async def pressed(self, person: User, action: Action) -> str:
        """A person presses a button with each of ``arguments``; return what is in the chat then and was shown."""
        said: list[str] = []
        chat = ChatId(person.telegram_id or 0)

        async def answer(text: str) -> None:
            said.append(text)

        _, handler = self.router.routes.presses[action]
        begins = "report_int_general" if action is Action.REPORT else action
        for place, arguments in enumerate(self.arguments):
            key = f"{person.id}:{action}:{place}"
            with suppress(VoxPersonaError):
                press = unpack(SEPARATOR.join([begins, *arguments]))
                await handler(Context(person, chat, answer, MessageId(50), key), press)
        return "\n".join([*said, *map(drawn, self.telegram.chats.pop(chat, {}).values())])

    async def has(self) -> dict[str, str]:
        """What stands in each table of Anna's."""
        tables = """
            SELECT table_name, string_agg(column_name, ',') AS columns FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name IN ('owner_id', 'user_id', 'recording_id')
            GROUP BY table_name
        """
        found = {}
        async with self.database.transaction() as connection:
            for row in await (await connection.execute(tables)).fetchall():
                name, columns = row["table_name"], row["columns"].split(",")
                column = next((each for each in ("owner_id", "user_id") if each in columns), "recording_id")
                owned = "= %s" if column != "recording_id" else "IN (SELECT id FROM recordings WHERE owner_id = %s)"
                query = (
                    f"SELECT string_agg(t::text, '; ' ORDER BY t::text) AS rows FROM {name} AS t WHERE {column} {owned}"  # noqa: S608
                )
                rows = await (await connection.execute(query, (self.anna.id,))).fetchone()
                found[name] = str(rows and rows["rows"])
        return found


_SPEECH = """
    INSERT INTO speeches (id, owner_id, kind, title, text, is_whole, voice, key, pieces, sound, duration_s, ended_at)
    VALUES (%s, %s, 'text', %s, %s, true, 'v', 'k', 1, 'x', 2, now())
"""


async def give(application: Application, anna: UserId) -> Sequence[Sequence[str]]:
    """Give Anna one of everything; return what buttons about it could have as arguments."""
    segment = Segment(start=0.5, end=1.5, speaker="S1", role="Клиент", text=SECRET)
    transcript = Transcript(language="ru", engine="e", model="m", duration_s=9, speakers=1, segments=(segment,))
    async with application.database.transaction() as connection:
        for visibility in Visibility:
            new = new_recording(anna).model_copy(update={"file_name": f"{SECRET}.ogg", "visibility": visibility})
            recording = await recordings_store.insert_recording(connection, new)
            await recordings_store.set_stage(connection, recording, Stage.DONE, 1.0)
            await transcripts_store.save_transcript(connection, recording.id, transcript, "hash")
            await metadata_store.save_metadata(connection, recording.id, RecordingMetadata(place=SECRET))
        run = await reports_store.queue_run(
            connection,
            NewReportRun(
                recording_id=recording.id,
                owner_id=anna,
                scenario=ScenarioId("interview"),
                report_id=ReportId("report_int_links"),
                building=None,
                input_hash="i",
                prompt_hash="p",
                model="m",
                passes_total=1,
            ),
        )
        await cards_store.add_reports_card(connection, anna, ChatId(ANNA), recording.id, [run.id])
        message = IncomingMessage(
            chat_id=ChatId(ANNA),
            message_id=MessageId(7),
            person=TelegramPerson(id=ANNA, name="Анна"),
            text=SECRET,
            file=AttachedFile(kind=FileKind.VOICE, file_name=f"{SECRET}.ogg", size_bytes=10),
        )
        incoming = await incoming_store.add(connection, anna, message, None)
        speech = uuid4()
        await connection.execute(_SPEECH, (speech, anna, SECRET, SECRET))
    chats = Chats(application.database, application.jobs.enqueue_answer, application.conversations.get_stats, 100)
    answer = await chats.ask(anna, Occasion(door="telegram", key=f"{ANNA}:9", turn=9), SECRET)
    await TakeoutOrders(application.database).add(anna, ChatId(ANNA), "zip")
    return [
        ("1",),
        ("2",),
        (str(incoming.id), "design"),
        ("2", "txt"),
        ("hotel", "2", "all"),
        (word_of(recording.id), "1"),
        (word_of(answer),),
        (word_of(speech),),
    ]


@asynccontextmanager
async def opened_world(postgres_dsn: str, migrated: str, folder: Path) -> AsyncIterator[World]:
    """Open a bot over a database of its own, in which Anna has one of everything."""
    url = await copied_database(postgres_dsn, migrated, "matrix")
    settings = Settings(_env_file=None, database_url=url, persistent_dir=folder, owner_telegram_id=OWNER)
    async with open_application(settings, PACK, lambda *_: None) as application:
        database, telegram = application.database, TelegramDouble()
        team = Team(OWNER, frozenset([ANNA]))
        messages, preferences = MessageTracker(database, telegram), Preferences(database)
        inbox = Inbox(database, team, UpdatesJournal(folder / "updates.journal"))
        followers = Followers(application, telegram, messages, inbox, preferences)
        parts = TeamParts(application, team, telegram, messages, Sessions(database, team))
        router = router_of(application, telegram, messages, followers, inbox, preferences, parts)
        async with database.transaction() as connection:
            person = TelegramPerson(id=ANNA, name="Анна")
            anna = await users_store.ensure_telegram_user(connection, person, Role.USER)
        await router.recover()
        yield World(application, telegram, router, anna, await give(application, anna.id))
        await router.stop()


async def somebody(world: World, role: Role, number: int) -> User:
    """A person who has nothing."""
    async with world.database.transaction() as connection:
        person = TelegramPerson(id=number, name="Борис")
        user = await users_store.ensure_telegram_user(connection, person, role)
        return await users_store.grant(connection, user.id, role)


async def forged(world: World, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Press so many forged buttons, as people of all roles; return how they ended, and which showed what is Anna's.

    Each has an action of the bot and arguments that name what is Anna's, nobody's, or nothing at all. What a role may
    not do is pressed in the router, the rest in its handler.
    """
    random, ended, shown = Random(seed), Counter[str](), []  # noqa: S311  # the same buttons in every run
    people = {role: await somebody(world, role, 3000 + place) for place, role in enumerate(Role)}
    known = sorted({word for arguments in world.arguments for word in arguments})
    for place in range(count):
        role = random.choice(list(Role))
        action = random.choice(list(Action))
        needed, handler = world.router.routes.presses[action]
        first = random.choice(["report_int_general", "report_", action]) if action is Action.REPORT else str(action)
        named = [*known, *(_forged_word(random) for _ in known)]
        data = SEPARATOR.join([first, *random.choices(named, k=random.randint(0, 4))])
        person = people[role]
        said: list[str] = []
        chat = ChatId(person.telegram_id or 0)
        if not may(role, needed):
            ended[await world.refused(chat, data, random.getrandbits(62))] += 1
            continue

        async def answer(text: str, said: list[str] = said) -> None:
            said.append(text)

        try:
            await handler(Context(person, chat, answer, MessageId(50), f"forged:{seed}:{place}"), unpack(data))
            ended["handled"] += 1
        except VoxPersonaError as exc:
            ended[exc.code] += 1
        text = "\n".join([*said, *map(drawn, world.telegram.chats.pop(chat, {}).values())])
        if SECRET in text:
            shown.append(f"{role}: {data}")
    return ended, shown


def _forged_word(random: Random) -> str:
    """Something that could stand in a button, or could not."""
    return random.choice(
        [
            str(random.randint(1, 12)),
            str(random.getrandbits(59) + 1),
            f"a{random.getrandbits(128):032x}",
            random.choice(["all", "none", "role", "team", "private", "txt", "user", "sound", "hotel", "design"]),
            random.choice(["", "0", "-1", "'; DROP TABLE users; --", "../../etc/passwd", "%s", "\0", "Я"]),
        ]
    )
