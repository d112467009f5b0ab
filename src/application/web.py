"""The console's services, made of the opened application, and the process that serves them where there is no bot."""
# ruff: noqa: PLC0415

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from access import Team
from application.avatars import avatars_of, webhook_of
from application.background import Background
from application.checked_out import commit
from application.health import Health, http_served
from application.long_running import open_long_running
from application.objects import StartProgress
from application.only_bot import only_bot
from application.parts import Application
from application.speeches import speeches_of
from application.training_data import collect_from
from application.worker import PARTS
from audio import find_ffmpeg
from avatars.drops import PhotoDrops
from avatars.gallery import Gallery
from avatars.intake import AvatarPhotos
from avatars.photo_set import PhotoSet
from chats.reading import ChatReading
from chats.threads import Chats
from config import Settings, version
from conversations.ratings import Ratings
from dead_letters import DeadLetters, Enqueue
from errors import BadSettings
from followers import Loop
from health.board import Board
from health.operation import Operation
from jobs.words import WORDS_QUEUE
from limits.hourly import Feature
from limits.own import OwnLimits
from metadata.waiting import WaitingRecordings
from prompt_pack.models import ReportPack
from random_ids import new_secret
from recordings.cancellations import Cancellations
from recordings.descriptions import Descriptions
from recordings.listening import Listening
from recordings.lookup import Recordings
from recordings.preferences import Preferences
from recordings.spoken_questions import SpokenQuestions
from recordings.transcript_pages import TranscriptPages
from recordings.uploads import Uploads
from reports.made_files import MadeFiles
from sign_in.audit import AuditLog
from sign_in.invitations import Invitations
from sign_in.people import People
from sign_in.sessions import Sessions
from system.local_time import today
from transcription.editing.service import TranscriptEditing
from transcription.glossary.service import Glossary
from web.address import DEFAULT_PORT

if TYPE_CHECKING:
    from web.services import Administration, AvatarServices, Services
    from web.site import Site


def sessions_of(application: Application, local_key: str | None = None) -> Sessions:
    """Make the sessions of people in browsers."""
    return Sessions(application.database, Team.from_settings(application.settings), local_key)


def services_of(
    application: Application,
    sessions: Sessions,
    uploads: Uploads,
    administration: "Administration",
    preferences: Preferences,
) -> "Services":
    """Make what the pages call; ``preferences`` are those that the messenger's side of the process has."""
    from web.services import Services

    settings, database, pack = application.settings, application.database, application.pack
    spool, jobs, changes = settings.persistent_dir / "spool", application.jobs, application.changes
    ffmpeg = find_ffmpeg(settings.ffmpeg)
    return Services(
        sessions=sessions,
        pack=pack,
        limits=application.limits,
        recordings=Recordings(database),
        uploads=uploads,
        intake=application.intake,
        changes=changes,
        cancellations=Cancellations(database, jobs.cancel_recording, application.orders.cancel),
        descriptions=Descriptions(database, pack, changes, today),
        transcripts=TranscriptPages(database),
        editing=TranscriptEditing(database, pack),
        glossary=Glossary(database),
        listening=Listening(database, application.originals, ffmpeg, spool, application.processors),
        waiting=WaitingRecordings(database),
        orders=application.orders,
        estimates=application.estimates,
        archive=application.archive,
        files=MadeFiles(database, pack, settings.persistent_dir),
        chats=Chats(database, jobs.enqueue_answer, application.conversations.get_stats, settings.chat_hourly_limit),
        reading=ChatReading(database),
        ratings=Ratings(database, application.conversations),
        preferences=preferences,
        own_limits=OwnLimits(
            database,
            {
                Feature.CHAT: settings.chat_hourly_limit,
                Feature.RECOGNITION: settings.voice_hourly_limit,
                Feature.SPEECH: settings.tts_hourly_limit,
            },
        ),
        examples=partial(collect_from, database),
        spoken=SpokenQuestions(database, partial(jobs.enqueue_other, WORDS_QUEUE), settings.voice_hourly_limit),
        speeches=speeches_of(application),
        has_voice=lambda: application.engines.has_voice,
        has_demo_model=lambda: application.engines.has_demo_model,
        administration=administration,
        avatars=_avatars(application),
        webhook=webhook_of(application),
    )


async def administration_of(
    application: Application, board: Board, bot_name: Callable[[], str] = str
) -> "Administration":
    """Make what administrators see; without a bot nobody is let in by a link to it."""
    from web.services import Administration

    settings, database, jobs = application.settings, application.database, application.jobs
    team = Team.from_settings(settings)
    known = await asyncio.to_thread(commit, settings)
    return Administration(
        people=People(database, team, jobs.end_work_of),
        invitations=Invitations(database, team),
        audit=AuditLog(database),
        letters=DeadLetters(database, Enqueue(jobs.enqueue_recording, jobs.enqueue_report, jobs.enqueue_answer)),
        operation=Operation(database, board, settings.persistent_dir, version(), known),
        bot_name=bot_name,
    )


def _avatars(application: Application) -> "AvatarServices | None":
    from web.services import AvatarServices

    avatars = avatars_of(application)
    if avatars is None:
        return None
    database, objects = application.database, application.objects
    spool = application.settings.persistent_dir / "spool"
    drops = PhotoDrops(AvatarPhotos(database, objects), spool)
    gallery, photo_set = Gallery(database, objects, spool), PhotoSet(database, objects, spool)
    return AvatarServices(avatars, drops, gallery, photo_set)


def address_of(settings: Settings) -> str:
    """Return the address by which people come, without a slash at its end."""
    port = DEFAULT_PORT if settings.http_port is None else settings.http_port
    return (settings.web_address or f"http://127.0.0.1:{port}").rstrip("/")


class Console:
    """The opened console of this machine's user. ``link`` lets in whoever opens it, until the process ends."""

    def __init__(
        self, application: Application, background: Background, health: Health, site: "Site | None", link: str
    ) -> None:
        self._application = application
        self._background = background
        self._health = health
        self._site = site
        self.link = link

    async def run(self) -> None:
        """Work and answer until cancelled. Interrupted jobs continue at the next start."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._health.run())
            group.create_task(self._background.run())
            group.create_task(self._application.jobs.run_worker(None))
            if self._site is not None:
                group.create_task(self._site.close_at_the_stop())


@asynccontextmanager
async def open_console(settings: Settings, pack: ReportPack, on_progress: StartProgress) -> AsyncIterator[Console]:
    """Open the application and serve it to browsers, without a messenger.

    Raises:
        BotRunsAlready: another process uses the same ``persistent_dir``.
        BadSettings: settings are wrong, the port is taken or switched off, or a program is missing.
        DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part does not start.
    """
    if settings.http_port == 0:
        raise BadSettings(names="HTTP_PORT")
    # Not left to chance: a console at another address than the one that is told would be none.
    settings = settings.model_copy(update={"http_port": settings.http_port or DEFAULT_PORT})
    key = new_secret()
    async with AsyncExitStack() as stack:
        stack.enter_context(only_bot(settings.persistent_dir))
        board = Board(PARTS)
        site = await stack.enter_async_context(http_served(settings, board, with_console=True))
        application = await stack.enter_async_context(open_long_running(settings, pack, on_progress))
        await application.archive.reconcile_all()
        background = Background(application)
        await background.knowledge.check()
        application.database.on_back.append(Loop.try_again)
        if site is not None:
            sessions, administration = sessions_of(application, key), await administration_of(application, board)
            await stack.enter_async_context(
                site.opened(
                    services_of(
                        application, sessions, background.uploads, administration, Preferences(application.database)
                    )
                )
            )
        health = Health(application, board, index=background.knowledge.index)
        yield Console(application, background, health, site, f"{address_of(settings)}/sign-in/{key}")
