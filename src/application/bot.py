"""The bot: the application's services with Telegram in front of them, and its followers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import texts.telegram
from access import Team
from application.chats import about_chats, chats_of
from application.connecting import Connecting, connected
from application.corrections import corrections
from application.engines import language_in_use, speech_in_use
from application.followers import Followers
from application.health import Health, http_served
from application.long_running import open_long_running
from application.notices import Notices
from application.objects import StartProgress
from application.only_bot import only_bot
from application.parts import Application
from application.privacy import consents_of
from application.speeches import speeches_of
from application.team import TeamParts
from application.web import administration_of, services_of, sessions_of
from avatars.intake import AvatarPhotos
from avatars.photo_set import PhotoSet
from avatars.telling import Telling
from config import Settings
from dead_letters import DeadLetters, Enqueue
from dialogs import Dialogs
from errors import VoxPersonaError
from errors_of_operation import BotNotConfigured
from followers import Loop
from handlers import Router
from handlers_my_reports_v2 import MyReportsHandlers
from health.board import Board
from inbox import Inbox
from jobs.queue import Jobs
from knowledge.documents import Documents
from machine import Machine
from message_tracker import MessageTracker
from messenger import Messenger
from metadata.form import MetadataForm
from metadata.waiting import WaitingRecordings
from prompt_pack.models import ReportPack
from recordings.cancellations import Cancellations
from recordings.descriptions import Descriptions
from recordings.lookup import Recordings
from recordings.preferences import Preferences
from recordings.sent_files import SentFiles
from recordings.work_in_progress import WorkInProgress
from reports.across.service import AcrossInterviews
from reports.desk import ReportDesk
from reports.takeout.service import Takeout
from system.ending import end_tasks
from system.local_time import today
from telegram_client.client import TelegramClient
from telegram_handlers.across import AcrossHandlers, AcrossWork
from telegram_handlers.avatar_photos import AvatarPhotoHandlers
from telegram_handlers.avatars import AvatarHandlers, AvatarWork
from telegram_handlers.consents import ConsentHandlers
from telegram_handlers.dead_letters import DeadLetterHandlers, LettersWork
from telegram_handlers.documents import DocumentHandlers
from telegram_handlers.erasures import ErasureHandlers
from telegram_handlers.menu import MenuHandlers, MenuWork, SystemFacts
from telegram_handlers.metadata import MetadataHandlers
from telegram_handlers.my_reports_shared import MyReportsWork
from telegram_handlers.recordings import RecordingHandlers, RecordingWork
from telegram_handlers.reports import ReportHandlers, ReportWork
from telegram_handlers.research import ResearchHandlers, ResearchWork
from telegram_handlers.settings import SettingsHandlers
from telegram_handlers.takeout import TakeoutHandlers
from telegram_handlers.voice_notes import HeardWords, VoiceNoteHandlers
from telegram_handlers.waiting import WaitingHandlers
from telegram_handlers.without_database import WithoutDatabase
from updates_journal import UpdatesJournal

if TYPE_CHECKING:
    from web.site import Site


class Bot:
    """The opened bot. Without ``jobs`` it takes none: workers in other processes do."""

    def __init__(
        self,
        telegram: Messenger,
        connecting: Connecting,
        router: Router,
        jobs: Jobs | None,
        followers: Followers,
        words: HeardWords,
        health: Health,
        site: "Site | None",
    ) -> None:
        self._telegram = telegram
        self._connecting = connecting
        self._router = router
        self._jobs = jobs
        self._followers = followers
        self._words = words
        self._health = health
        self._site = site

    @property
    def username(self) -> str:
        return self._telegram.username

    @property
    def is_connected(self) -> bool:
        return self._connecting.is_done

    async def run(self, on_connected: Callable[[], None]) -> None:
        """Run until cancelled. Interrupted jobs continue at the next start.

        Work is done while Telegram is out of reach; ``on_connected`` is called once it is not.

        Raises:
            VoxPersonaError: what ``open_bot`` would have raised, had Telegram been in reach then.
        """
        refusal: VoxPersonaError | None = None
        async with asyncio.TaskGroup() as group:
            working = [self._health.run(), self._followers.background.run()]
            if self._site is not None:
                working.append(self._site.close_at_the_stop())
            if self._jobs is not None:
                working.append(self._jobs.run_worker(None))
            tasks = [group.create_task(each) for each in working]
            try:
                await self._connecting.done()
            except VoxPersonaError as exc:
                refusal = exc
                await end_tasks(tasks)
            else:
                on_connected()
                # Before anything is sent: this finds the newest ids, by which messages of the last run are looked up.
                await self._router.recover()
                group.create_task(self._followers.run())
                group.create_task(self._words.run())
        if refusal is not None:
            raise refusal


@asynccontextmanager
async def open_bot(
    settings: Settings, pack: ReportPack, telegram: Messenger, on_progress: StartProgress
) -> AsyncIterator[Bot]:
    """Open the application and connect to Telegram, which goes on trying while Telegram does not answer.

    Raises:
        MessengerRefusedSecrets: Telegram does not accept token, id and hash.
        BotRunsAlready: another process runs a bot on the same ``persistent_dir``.
        BadSettings: settings, the proxy's address among them, are wrong, or a program is missing.
        DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part does not start.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(only_bot(settings.persistent_dir))
        board = Board()
        site = await stack.enter_async_context(http_served(settings, board, with_console=True))
        application = await stack.enter_async_context(
            open_long_running(settings, pack, on_progress, attachments=telegram)
        )
        await application.archive.reconcile_all()
        messages = MessageTracker(application.database, telegram)
        journal = UpdatesJournal(settings.persistent_dir / "spool" / "updates.journal")
        team = Team.from_settings(settings)
        inbox = Inbox(application.database, team, journal)
        sessions = sessions_of(application)
        team_parts = TeamParts(application, team, telegram, messages, None if site is None else sessions)
        await team_parts.people.compare_with_settings()
        preferences = Preferences(application.database)
        followers = Followers(application, telegram, messages, inbox, preferences)
        await followers.background.knowledge.check()
        router = router_of(application, telegram, messages, followers, inbox, preferences, team_parts)
        stack.push_async_callback(telegram.stop)
        connecting = await stack.enter_async_context(
            connected(telegram, router.on_message, router.on_press, texts.telegram.COMMANDS, on_return=inbox.is_back)
        )
        stack.push_async_callback(router.stop)
        application.database.on_back.append(Loop.try_again)
        notices = Notices(application.database, telegram, settings.owner_telegram_id)
        stack.push_async_callback(notices.stop)
        application.embedded.on_revival.append(notices.engine_revived)
        application.embedded.on_stuck.append(notices.engine_stuck)
        health = Health(application, board, telegram, notices)
        if site is not None:
            administration = await administration_of(application, board, lambda: telegram.username)
            await stack.enter_async_context(
                site.opened(
                    services_of(application, sessions, followers.background.uploads, administration, preferences)
                )
            )
        jobs = application.jobs if settings.bot_takes_jobs else None
        words = HeardWords(followers.spoken, router.on_words)
        yield Bot(telegram, connecting, router, jobs, followers, words, health, site)


def messenger_of(settings: Settings) -> Messenger:
    """Make the messenger that the settings describe, today always Telegram. It does not connect yet.

    Raises:
        BotNotConfigured: token, id or hash is missing.
    """
    token, api_id, api_hash = settings.telegram_bot_token, settings.telegram_api_id, settings.telegram_api_hash
    if token is None or api_id is None or api_hash is None:
        given = {"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_API_ID": api_id, "TELEGRAM_API_HASH": api_hash}
        raise BotNotConfigured(names=", ".join(name for name, value in given.items() if value is None))
    return TelegramClient(
        token=token.get_secret_value(),
        api_id=api_id,
        api_hash=api_hash.get_secret_value(),
        session_dir=settings.persistent_dir / "telegram",
        proxy=settings.telegram_proxy.get_secret_value() if settings.telegram_proxy else None,
        parallel_transfers=settings.max_parallel_downloads,
    )


def router_of(
    application: Application,
    telegram: Messenger,
    messages: MessageTracker,
    followers: Followers,
    inbox: Inbox,
    preferences: Preferences,
    team: TeamParts,
) -> Router:
    """Make the router with the handlers of all that people can do in a chat."""
    database, jobs, pack = application.database, application.jobs, application.pack
    machine = _machine(application, inbox)
    letters = DeadLetters(database, Enqueue(jobs.enqueue_recording, jobs.enqueue_report, jobs.enqueue_answer))
    wake_deliveries, wake_all = followers.wake_deliveries, followers.wake_all
    recordings, chats = _recording_work(application, preferences, wake_all), chats_of(application, messages)
    waiting, form = WaitingRecordings(database), MetadataForm(database, today)
    facts, said = _facts(application), speeches_of(application)
    work = MenuWork(WorkInProgress(database), letters, machine, facts, waiting, said, followers.avatars)
    menu = MenuHandlers(messages, work)
    estimates = application.estimates
    metadata = MetadataHandlers(form, menu.main_menu_of, messages, pack, wake_deliveries, chats.ask, estimates)
    ordering = ReportHandlers(messages, _report_work(application, wake_deliveries))
    avatars = _avatar_work(application, followers)
    photos = AvatarPhotoHandlers(messages, avatars)
    return Router(
        inbox,
        Dialogs(database),
        telegram,
        messages,
        [
            menu.routes(),
            DeadLetterHandlers(messages, LettersWork(letters, pack, wake_deliveries)).routes(),
            RecordingHandlers(messages, recordings).routes(),
            VoiceNoteHandlers(
                messages, recordings.files, recordings.changes, preferences, wake_all, recordings.consents
            ).routes(),
            _settings(application, messages, preferences, recordings, wake_all).routes(),
            metadata.routes(),
            ordering.routes(),
            WaitingHandlers(waiting, recordings.recordings, messages, pack, metadata, ordering).routes(),
            ResearchHandlers(messages, ResearchWork(pack, application.research, wake_deliveries)).routes(),
            *corrections(database, pack, messages, wake_deliveries),
            DocumentHandlers(messages, Documents(database)).routes(),
            _my_reports(application, messages).routes(),
            _across(application, messages).routes(),
            AvatarHandlers(messages, avatars).routes(),
            photos.routes(),
            _takeouts(application, messages, followers).routes(),
            *about_chats(application, messages, chats, followers.speeches.wake),
            *team.routes(),
            ConsentHandlers(messages, recordings.consents or consents_of(application)).routes(),
            ErasureHandlers(messages, team.erasures, followers.background.erasing.wake).routes(),
        ],
        menu=menu.main_menu_of,
        other=photos.unless_agreed(chats.ask),
        strangers=team.strangers,
        without_database=_without_database(application.settings, telegram, machine),
        words=followers.spoken.find,
        zone_of=preferences.zone_of,
    )


def _settings(
    application: Application,
    messages: MessageTracker,
    preferences: Preferences,
    work: RecordingWork,
    wake: Callable[[], None],
) -> SettingsHandlers:
    return SettingsHandlers(messages, preferences, work.recordings, work.intake, Dialogs(application.database), wake)


def _machine(application: Application, inbox: Inbox) -> Machine:
    embedded, storage = application.embedded, application.conversations
    return Machine(application.database, inbox.journal, lambda: embedded.down, lambda: storage.state)


def _recording_work(application: Application, preferences: Preferences, wake: Callable[[], None]) -> RecordingWork:
    database = application.database
    descriptions = Descriptions(database, application.pack, application.changes, today)
    return RecordingWork(
        pack=application.pack,
        files=SentFiles(database, application.limits, descriptions),
        recordings=Recordings(database),
        descriptions=descriptions,
        intake=application.intake,
        changes=application.changes,
        cancellations=Cancellations(database, application.jobs.cancel_recording, application.orders.cancel),
        preferences=preferences,
        wake=wake,
        consents=consents_of(application) if application.settings.privacy_notice else None,
    )


def _report_work(application: Application, wake: Callable[[], None]) -> ReportWork:
    return ReportWork(
        pack=application.pack,
        orders=application.orders,
        estimates=application.estimates,
        has_demo_model=lambda: application.engines.has_demo_model,
        wake=wake,
    )


def _my_reports(application: Application, messages: MessageTracker) -> MyReportsHandlers:
    lasts = timedelta(seconds=application.settings.report_list_ttl_s)
    speaks = application.engines.has_voice
    desk = ReportDesk(application.database, lasts, lambda: datetime.now(UTC))
    return MyReportsHandlers(messages, MyReportsWork(application.archive, application.pack, desk, speaks))


def _without_database(settings: Settings, telegram: Messenger, machine: Machine) -> WithoutDatabase:
    notes = settings.persistent_dir / "spool" / "saved_notes.json"
    return WithoutDatabase(telegram, machine, settings.owner_telegram_id, notes)


def _takeouts(application: Application, messages: MessageTracker, followers: Followers) -> TakeoutHandlers:
    takeout = Takeout(application.database, application.pack)
    return TakeoutHandlers(messages, takeout, followers.takeout_orders, followers.takeouts.wake)


def _avatar_work(application: Application, followers: Followers) -> AvatarWork | None:
    database, objects, avatars = application.database, application.objects, followers.avatars
    if avatars is None:
        return None
    photo_set = PhotoSet(database, objects, application.settings.persistent_dir / "spool" / "outgoing")
    photos, dialogs = AvatarPhotos(database, objects), Dialogs(database)
    return AvatarWork(avatars, photos, photo_set, Telling(database), dialogs, followers.wake_all)


def _across(application: Application, messages: MessageTracker) -> AcrossHandlers:
    across = AcrossInterviews(application.database, application.pack, today)
    return AcrossHandlers(messages, AcrossWork(across, today, application.settings.persistent_dir))


def _facts(application: Application) -> SystemFacts:
    settings, engines = application.settings, application.engines
    if engines.has_demo_model:
        language = texts.telegram.SYSTEM_DEMO.format(model=language_in_use(settings)[0])
    else:
        language = _named(*language_in_use(settings)) if engines.has_language_model else texts.telegram.SYSTEM_OFF
    return SystemFacts(
        speech=lambda: _named(*speech_in_use(settings)),
        language=language,
        limits=application.limits,
        state=settings.persistent_dir,
    )


def _named(model: str, provider: str | None) -> str:
    template = texts.telegram.SYSTEM_LOCAL if provider is None else texts.telegram.SYSTEM_HOSTED
    return template.format(model=model, provider=provider)
