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
from chats.reading import ChatReading
from chats.threads import Chats
from conversations.ratings import Ratings
from datamodels import Role, User
from default_pack import PACK
from embedded.ports import free_ports
from handlers_world import LIMITS, TODAY, Bot, Person
from health.board import Board
from metadata.waiting import WaitingRecordings
from recordings.listening import Listening
from recordings.originals import Originals
from recordings.transcript_pages import TranscriptPages
from recordings.uploads import Uploads
from reports.estimate import Estimates
from reports.made_files import MadeFiles
from sign_in.sessions import Sessions, form_token
from transcription.editing.service import TranscriptEditing
from web.application import Facts, new_application
from web.console_application import add_console
from web.people import SESSION_COOKIE
from web.server import listen, serving
from web.services import Services
from web.site import Site

LOCAL_KEY = "the-key-of-this-machine"


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

    def __init__(self, bot: Bot, services: Services, people: dict[str, Person], url: str, site: Site) -> None:
        self.bot = bot
        self.services = services
        self.people = people
        self.url = url
        self.site = site

    def stranger(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=60)

    @asynccontextmanager
    async def browser(self, name: str) -> AsyncIterator[Browser]:
        sessions, person = self.services.sessions, self.people[name]
        token = await sessions.begin(await sessions.new_link(person.user.id))
        async with self.stranger() as client:
            client.cookies.set(SESSION_COOKIE, token)
            yield Browser(person, client, form_token(token))


def services_of(bot: Bot, sessions: Sessions, folder: Path) -> Services:
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
        listening=Listening(database, originals, BUILT_IN, folder / "spool", asyncio.Semaphore()),
        waiting=WaitingRecordings(database),
        orders=bot.orders,
        estimates=Estimates(database, PACK, lambda: bot.size),
        archive=bot.archive,
        files=MadeFiles(database, PACK, folder),
        chats=Chats(database, bot.jobs.enqueue_answer, bot.storage.get_stats),
        reading=ChatReading(database),
        ratings=Ratings(database, bot.storage),
        examples=partial(collect_from, database),
        speeches=bot.speeches,
        has_voice=lambda: bot.voice is not None,
        has_demo_model=lambda: bot.demonstration,
    )


@asynccontextmanager
async def world(bot: Bot, folder: Path) -> AsyncIterator[World]:
    """Serve the console during the block."""
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
    services = services_of(bot, Sessions(bot.database, team, LOCAL_KEY), folder)
    site = Site()
    application = new_application(Board(), Facts("1", None), None)
    add_console(application, site)
    port = free_ports(1)[0]
    listener = await listen("127.0.0.1", port)
    assert listener is not None
    async with serving(application, listener), site.opened(services):
        yield World(bot, services, people, f"http://127.0.0.1:{port}", site)
