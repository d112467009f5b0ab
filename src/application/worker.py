"""The worker: the application's jobs without Telegram, for a bot whose database and object store it shares."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from application.health import Health, http_served
from application.knowledge import Knowledge
from application.long_running import open_long_running
from application.objects import StartProgress
from application.only_bot import bot_runs
from application.parts import Application
from config import Settings
from errors_of_operation import WorkerAlone
from followers import Loop
from health.board import Board, Part
from housekeeping import Housekeeping
from metrics import LagMonitor
from prompt_pack.models import ReportPack

PARTS = frozenset(Part) - {Part.TELEGRAM}
"""The parts that a worker watches: messages are the bot's."""
_NO_JOBS = ["idle"]
"""A queue into which nobody puts anything."""


class Worker:
    """The opened worker."""

    def __init__(self, application: Application, knowledge: Knowledge, health: Health) -> None:
        self._jobs = application.jobs
        self._conversations = application.conversations
        self._knowledge = knowledge
        self._health = health
        kept = timedelta(days=application.settings.retention_days)
        self._housekeeping = Housekeeping(
            application.database, application.objects, application.settings.persistent_dir, kept
        )
        application.database.on_back.append(Loop.try_again)

    async def run(self, *, idle: bool = False) -> None:
        """Work until cancelled. Interrupted jobs are put back, and any worker continues them.

        With ``idle`` everything runs but no job is taken: so a new version is tried beside the one that works.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._health.run())
            group.create_task(self._jobs.run_worker(_NO_JOBS if idle else None))
            group.create_task(self._knowledge.follow())
            group.create_task(LagMonitor().run())
            group.create_task(Loop("conversations").run(self._conversations.settle))
            group.create_task(self._housekeeping.run_for_worker())


@asynccontextmanager
async def open_worker(settings: Settings, pack: ReportPack, on_progress: StartProgress) -> AsyncIterator[Worker]:
    """Open the application for work that other processes ask for.

    Raises:
        WorkerAlone: database or object store are not shared with any bot.
        BadSettings: settings are wrong, or a program is missing.
        DatabaseUnavailable, ObjectStoreUnavailable, EngineFailed, DiskFull: a part does not start.
    """
    require_shared(settings)
    async with AsyncExitStack() as stack:
        board = Board(PARTS)
        await stack.enter_async_context(http_served(settings, board))
        application = await stack.enter_async_context(open_long_running(settings, pack, on_progress, for_bot=True))
        knowledge = Knowledge(application)
        await knowledge.check()
        yield Worker(application, knowledge, Health(application, board, index=knowledge.index))


def require_shared(settings: Settings) -> None:
    """Refuse settings with which a worker would have a database or an object store of its own.

    What is not configured is in ``persistent_dir``, and is shared only with a bot that this machine runs there.

    Raises:
        WorkerAlone: the settings that are missing are named.
    """
    given = {"DATABASE_URL": settings.database_url, "MINIO_ENDPOINT": settings.minio_endpoint}
    missing = [name for name, value in given.items() if value is None]
    if missing and not bot_runs(settings.persistent_dir):
        raise WorkerAlone(names=", ".join(missing), folder=settings.persistent_dir)
