"""The console over the real services, stores and database, served at a port of this machine; people with sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2

from access import Team
from application.training_data import collect_from
from audio import BUILT_IN
from avatars.drops import PhotoDrops
from avatars.gallery import Gallery
from avatars.intake import AvatarPhotos
from avatars.models import OrderId
from avatars.photo_set import PhotoSet
from avatars.service import Avatars
from avatars.settings import AvatarRules
from chats.reading import ChatReading
from chats.threads import Chats
from conversations.ratings import Ratings
from datamodels import Role, User
from db import Connection
from default_pack import PACK
from embedded.ports import free_ports
from handlers_world import LIMITS, TODAY, Bot, Person
from health.board import Board
from health.operation import Operation
from jobs.words import WORDS_QUEUE
from limits.hourly import Feature
from limits.own import OwnLimits
from metadata.waiting import WaitingRecordings
from provider_calls.fal.trainers import TrainerName
from recordings.listening import Listening
from recordings.originals import Originals
from recordings.spoken_questions import SpokenQuestions
from recordings.transcript_pages import TranscriptPages
from recordings.uploads import Uploads
from reports.estimate import Estimates
from reports.made_files import MadeFiles
from sign_in.audit import AuditLog
from sign_in.invitations import Invitations
from sign_in.people import People
from sign_in.sessions import Sessions, form_token
from transcription.editing.service import TranscriptEditing
from transcription.glossary.service import Glossary
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import SESSION_COOKIE
from web.server import listen, serving
from web.services import Administration, AvatarServices, Services
from web.site import Site

LOCAL_KEY = "the-key-of-this-machine"
RULES = AvatarRules(TrainerName.PORTRAIT, 2500, trainings=3, pictures=5, is_test=True)


async def nobody(connection: Connection, order: OrderId) -> None:
    """Stands for the queue of orders of images where nobody works."""


@dataclass(frozen=True)
class Browser:
    """A person's browser: ``client`` has the session's cookie, ``token`` goes along with what changes something."""

    person: Person
    client: httpx2.AsyncClient
    token: str

    async def post(self, path: str, **fields: str | list[str]) -> httpx2.Response:
        return await self.client.post(path, data={"csrf": self.token, **fields})


class World:
    """A team of a lead, two researchers and a guest."""

    def __init__(
        self, bot: Bot, services: Services, people: dict[str, Person], url: str, site: Site, folder: Path
    ) -> None:
        self.bot = bot
        self.services = services
        self.people = people
        self.url = url
        self.site = site
        self.folder = folder

    def stranger(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=60)

    @asynccontextmanager
    async def browser(self, name: str) -> AsyncIterator[Browser]:
        sessions, person = self.services.sessions, self.people[name]
        token = await sessions.begin(await sessions.new_link(person.user.id))
        async with self.stranger() as client:
            client.cookies.set(SESSION_COOKIE, token)
            yield Browser(person, client, form_token(token))


def administration_of(bot: Bot, team: Team, board: Board, folder: Path) -> Administration:
    database = bot.database
    return Administration(
        people=People(database, team, bot.jobs.end_work_of),
        invitations=Invitations(database, team),
        audit=AuditLog(database),
        letters=bot.letters,
        operation=Operation(database, board, folder, "1.2", "0123456789abcdef"),
        bot_name=lambda: "vox_bot",
    )


def avatars_of(bot: Bot, avatars: Avatars, folder: Path) -> AvatarServices:
    spool = folder / "spool"
    drops = PhotoDrops(AvatarPhotos(bot.database, bot.objects), spool)
    gallery, photo_set = Gallery(bot.database, bot.objects, spool), PhotoSet(bot.database, bot.objects, spool)
    return AvatarServices(avatars, drops, gallery, photo_set)


def services_of(
    bot: Bot,
    sessions: Sessions,
    folder: Path,
    administration: Administration | None = None,
    avatars: Avatars | None = None,
) -> Services:
    database, work = bot.database, bot.work
    originals = Originals(database, bot.objects, folder)
    return Services(
        sessions=sessions,
        pack=PACK,
        limits=LIMITS,
        recordings=work.recordings,
        uploads=Uploads(database, work.intake, LIMITS, PACK, folder / "spool", lambda: TODAY),
        intake=work.intake,
        changes=work.changes,
        cancellations=work.cancellations,
        descriptions=work.descriptions,
        transcripts=TranscriptPages(database),
        editing=TranscriptEditing(database, PACK),
        glossary=Glossary(database),
        listening=Listening(database, originals, BUILT_IN, folder / "spool", asyncio.Semaphore()),
        waiting=WaitingRecordings(database),
        orders=bot.orders,
        estimates=Estimates(database, PACK, lambda: bot.size),
        archive=bot.archive,
        files=MadeFiles(database, PACK, folder),
        chats=Chats(database, bot.jobs.enqueue_answer, bot.storage.get_stats, 100),
        reading=ChatReading(database),
        ratings=Ratings(database, bot.storage),
        preferences=bot.preferences,
        own_limits=OwnLimits(database, {Feature.CHAT: 100, Feature.RECOGNITION: 4, Feature.SPEECH: bot.hourly}),
        examples=partial(collect_from, database),
        spoken=SpokenQuestions(database, partial(bot.jobs.enqueue_other, WORDS_QUEUE), 4),
        speeches=bot.speeches,
        has_voice=lambda: bot.voice is not None,
        has_demo_model=lambda: bot.demonstration,
        administration=administration or administration_of(bot, Team(None, frozenset()), Board(), folder),
        avatars=None if avatars is None else avatars_of(bot, avatars, folder),
    )


@asynccontextmanager
async def world(bot: Bot, folder: Path, avatars: Avatars | None = None) -> AsyncIterator[World]:
    """Serve the console during the block; without ``avatars`` of a service, nobody does the work of avatars."""
    people = {
        "researcher": await Person.come(bot),
        "colleague": await Person.come(bot, "Олег"),
        "guest": await Person.come(bot, "Гость", Role.GUEST),
        "lead": await Person.come(bot, "Вера", Role.SUPER_ADMIN),
    }

    def number(user: User) -> int:
        assert user.telegram_id is not None
        return user.telegram_id

    members = frozenset(number(people[name].user) for name in ("researcher", "colleague"))
    team = Team(number(people["lead"].user), members, frozenset([number(people["guest"].user)]))
    board = Board()
    administration = administration_of(bot, team, board, folder)
    avatars = avatars or Avatars(bot.database, RULES, nobody)
    services = services_of(bot, Sessions(bot.database, team, LOCAL_KEY), folder, administration, avatars)
    site = Site()
    application = new_application(board, Facts("1", None), None)
    add_console(application, site)
    port = free_ports(1)[0]
    listener = await listen("127.0.0.1", port)
    assert listener is not None
    async with serving(application, listener), site.opened(services):
        yield World(bot, services, people, f"http://127.0.0.1:{port}", site, folder)
