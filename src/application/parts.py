"""The parts of the application: built from the settings, opened and closed in the right order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import texts.cli
import users_store
from application.awaited import Patience, StartPatience
from application.engines import EnginePool
from application.given_model import EnginesWithModel, PoolArguments
from application.images import Images
from application.knowledge_index import IndexWithEngines, make_index
from application.model_size import size_in_use
from application.objects import StartProgress, open_objects
from audio import find_ffmpeg
from avatars.work import AVATARS_QUEUE, AvatarSteps
from chats.search import TranscriptSearch
from config import Settings
from conversations.hybrid import HybridStorage
from conversations.learning import Learning
from datamodels import UserId
from db import Database
from embedded.engines import Engines as EmbeddedEngines
from errors import EmbeddedDatabaseAway
from jobs.chats import AnswerSteps
from jobs.context import JobContext, spare_processors
from jobs.queue import Jobs
from jobs.recordings import RecordingSteps
from jobs.reports import ReportSteps
from jobs.running import OtherSteps
from jobs.speeches import SPEECH_QUEUE, SpeechSteps
from jobs.words import WORDS_QUEUE, WordsSteps
from knowledge.retrieval import KnowledgeRetrieval
from language_model.port import LanguageModel
from md_storage import ReportFiles
from messenger import Attachments
from object_store import ObjectStore
from prompt_pack.models import ReportPack
from recordings.changes import RecordingChanges
from recordings.intake import Intake, IntakeLimits
from recordings.originals import Originals
from reports.archive import ReportArchive
from reports.estimate import Estimates
from reports.orders import ReportOrders
from reports.research.forgetting import ResearchForgetting
from reports.research.orders import ResearchOrders
from system.ending import end_tasks
from system.local_time import use_zone
from text_to_speech.port import TextToSpeech

_PATIENCE_S = 600.0
_ALONE_PATIENCE_S = 60.0
"""Seconds that a command waits for an absent database, while it says so."""
_PATIENCE = Patience(_PATIENCE_S, _PATIENCE_S, StartPatience(_PATIENCE_S, for_absent=False))
"""Of a command: whoever typed a wrong address is to be told so at once."""


@dataclass(frozen=True)
class Application:
    """The opened parts. ``owner`` is the person at the command line, ``processors`` are those of ``JobContext``.

    ``index`` is empty until something lets it follow the database.
    """

    settings: Settings
    database: Database
    objects: ObjectStore
    originals: Originals
    pack: ReportPack
    engines: EnginePool
    limits: IntakeLimits
    intake: Intake
    changes: RecordingChanges
    jobs: Jobs
    orders: ReportOrders
    estimates: Estimates
    research: ResearchOrders
    archive: ReportArchive
    conversations: HybridStorage
    owner: UserId
    embedded: EmbeddedEngines
    processors: asyncio.Semaphore
    index: IndexWithEngines
    images: Images | None


@asynccontextmanager
async def open_application(  # noqa: PLR0913  # each has its own reason
    settings: Settings,
    pack: ReportPack,
    on_progress: StartProgress,
    *,
    attachments: Attachments | None = None,
    for_bot: bool = False,
    language_model: LanguageModel | None = None,
    images: Images | None = None,
    retry_delays_s: Sequence[float] = (),
    patience: Patience = _PATIENCE,
) -> AsyncIterator[Application]:
    """Open database, object store and services; engines start when they are first used.

    Failed work is tried again after each of ``retry_delays_s``. A lost original comes from the spool, else from
    ``attachments``; with ``for_bot`` another process does that, and keeps the archive. ``language_model`` replaces the
    own one.

    Raises:
        BadSettings: settings are wrong, or a program is missing.
        DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part does not start.
        ProviderUnavailable: the program that reads the objects of version 0.1 could not be downloaded.
    """
    ffmpeg, processors = _prepared(settings), spare_processors()
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(EmbeddedEngines(settings.persistent_dir))
        engines = _engines(stack, (settings, embedded, ffmpeg, on_progress, processors), language_model)
        opened, objects = await _stores(stack, settings, embedded, on_progress, patience.start)
        database, patient = opened.patient(patience.callers_s), opened.patient(patience.jobs_s)
        owner = await database.outlast(lambda: _local_user(database))
        spool, queue = settings.persistent_dir / "spool", images and images.queue
        originals = Originals(database, objects, spool, attachments, awaited=for_bot)
        context = JobContext(patient, objects, originals, pack, engines, ffmpeg, spool, processors, images=queue)
        files, archive = await _archive(settings, database, pack, None if for_bot else owner)
        conversations = HybridStorage(patient, spool / "conversations")
        index, kept = _index(stack, settings, database, engines), None if for_bot else archive
        jobs = _jobs(settings, context, index, files, kept, conversations, retry_delays_s, engines.text_to_speech)
        yield Application(
            settings=settings,
            database=database,
            objects=objects,
            originals=originals,
            pack=pack,
            engines=engines,
            limits=_limits(settings),
            intake=_intake(settings, database, objects, jobs, engines),
            changes=_changes(database, objects, files, pack, jobs),
            jobs=jobs,
            orders=ReportOrders(database, pack, engines.language_model, jobs.enqueue_report, jobs.cancel_reports),
            estimates=Estimates(database, pack, lambda: None if language_model else size_in_use(settings)),
            research=_research(settings, database, pack, jobs, engines),
            archive=archive,
            conversations=conversations,
            owner=owner,
            embedded=embedded,
            processors=processors,
            index=index,
            images=images,
        )


def _prepared(settings: Settings) -> Path:
    """Have this process live in the installation's time zone, and return the program that decodes."""
    use_zone(settings.time_zone)
    return find_ffmpeg(settings.ffmpeg)


def _engines(stack: AsyncExitStack, pool: PoolArguments, language_model: LanguageModel | None) -> EnginePool:
    engines = EnginePool(*pool) if language_model is None else EnginesWithModel(*pool, language_model=language_model)
    stack.push_async_callback(engines.close)
    return engines


def _index(stack: AsyncExitStack, settings: Settings, database: Database, engines: EnginePool) -> IndexWithEngines:
    index = make_index(settings, database, engines)
    stack.push_async_callback(index.close)
    return index


async def _archive(
    settings: Settings, database: Database, pack: ReportPack, owner: UserId | None
) -> tuple[ReportFiles, ReportArchive]:
    """Return the archive of reports with its files; those of ``owner``, if given, are made to agree."""
    files = ReportFiles(settings.persistent_dir / "reports")
    archive = ReportArchive(database, files, pack)
    if owner is not None:
        await database.outlast(lambda: archive.reconcile(owner))
    return files, archive


async def _stores(
    stack: AsyncExitStack,
    settings: Settings,
    embedded: EmbeddedEngines,
    on_progress: StartProgress,
    patience: StartPatience,
) -> tuple[Database, ObjectStore]:
    async def database() -> Database:
        opened = await patience.until_there(
            texts.cli.DATABASE_AWAITED, lambda: open_database(settings, embedded), on_progress
        )
        stack.push_async_callback(opened.close)
        return opened

    async def objects() -> ObjectStore:
        opened = await patience.until_there(
            texts.cli.OBJECTS_AWAITED, lambda: open_objects(settings, on_progress), on_progress
        )
        stack.callback(opened.close)
        return opened

    opening = asyncio.create_task(database()), asyncio.create_task(objects())
    try:
        return await asyncio.gather(*opening)
    finally:
        await end_tasks(opening)


async def _local_user(database: Database) -> UserId:
    async with database.transaction() as connection:
        return await users_store.ensure_local_user(connection)


def _limits(settings: Settings) -> IntakeLimits:
    return IntakeLimits(settings.max_recording_bytes, settings.max_recording_s)


def _intake(settings: Settings, database: Database, objects: ObjectStore, jobs: Jobs, engines: EnginePool) -> Intake:
    how = (jobs.enqueue_recording, engines.speech_engine)
    return Intake(database, objects, _limits(settings), *how, visibility=settings.recording_visibility)


def _jobs(  # each has its own reason
    settings: Settings,
    context: JobContext,
    index: IndexWithEngines,
    files: ReportFiles,
    archive: ReportArchive | None,
    conversations: HybridStorage,
    retry_delays_s: Sequence[float],
    speech: Callable[[], Awaitable[TextToSpeech | None]],
) -> Jobs:
    database, pack = context.database, context.pack
    search = KnowledgeRetrieval(database, pack, index, TranscriptSearch(database, pack), index.reranker)
    learning = Learning(conversations, context.engines.embeddings, settings.answer_examples)
    answers = AnswerSteps(context, search, conversations, learning, settings.chat_context_tokens)
    concurrency, recordings = settings.worker_concurrency, RecordingSteps(context)
    reports = ReportSteps(context, files, archive)
    others: dict[str, OtherSteps] = {
        WORDS_QUEUE: WordsSteps(context),
        SPEECH_QUEUE: SpeechSteps(context, speech),
        AVATARS_QUEUE: AvatarSteps(database, context.objects, context.images, context.spool, context.calls),
    }
    return Jobs(database, recordings, reports, concurrency, retry_delays_s, answers, context.calls, others)


def _changes(
    database: Database, objects: ObjectStore, files: ReportFiles, pack: ReportPack, jobs: Jobs
) -> RecordingChanges:
    forgetting = ResearchForgetting(database, files, pack)
    return RecordingChanges(database, objects, files, pack, jobs.enqueue_recording, jobs.stopped, forgetting.forget)


def _research(
    settings: Settings, database: Database, pack: ReportPack, jobs: Jobs, engines: EnginePool
) -> ResearchOrders:
    most, is_demo = settings.research_recordings, lambda: engines.has_demo_model
    return ResearchOrders(database, pack, engines.language_model, jobs.enqueue_report, is_demo, most)


async def open_database(settings: Settings, embedded: EmbeddedEngines) -> Database:
    """Open the configured database, else the embedded one.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database does not start.
    """
    if settings.database_url is not None:
        return await Database.open(settings.database_url.get_secret_value())
    dsn = await embedded.postgres()
    return await Database.open(dsn, unavailable=EmbeddedDatabaseAway, place=embedded.postgres_folder)


@asynccontextmanager
async def opened_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database alone, for a command that needs nothing else and waits a minute for one that is away.

    Raises:
        BadSettings, DatabaseUnavailable, EngineFailed, DiskFull: the database does not start.
    """
    async with EmbeddedEngines(settings.persistent_dir) as embedded:
        opened = await open_database(settings, embedded)
        try:
            yield opened.patient(_ALONE_PATIENCE_S)
        finally:
            await opened.close()
