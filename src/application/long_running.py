"""What a bot and a worker, which run until they are stopped, have in common and short commands do without."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from application.awaited import Patience, StartPatience
from application.images import open_images
from application.objects import StartProgress
from application.parts import Application, open_application
from config import Settings
from messenger import Attachments
from prompt_pack.models import ReportPack
from system import garbage
from system.priority import yield_processor

_RETRY_DELAYS_S = (30.0, 120.0, 600.0, 1800.0, 3600.0, 3600.0)
"""Seconds before each further try of a job that failed for a passing reason: nearly three hours in all."""
_PATIENCE_S = 3.0
"""Seconds that a person waits for an absent database before the bot says that it is away.

A database that restarts needs two seconds.
"""
_THREADS = 16
"""Threads for blocking work: files, computing. More would share the same few cores."""
SWITCH_S = 0.0005
"""Seconds after which a computing thread hands the interpreter to the event loop. To handle one press, the event loop
gives the interpreter up and takes it back a dozen times. ``scripts/benchmark -k switch_interval`` measures what that
costs with this value and with Python's 5 ms."""


@asynccontextmanager
async def open_long_running(
    settings: Settings,
    pack: ReportPack,
    on_progress: StartProgress,
    *,
    attachments: Attachments | None = None,
    for_bot: bool = False,
) -> AsyncIterator[Application]:
    """Open the application as ``open_application`` does, for a process that runs for long and that people wait for.

    Engines' libraries are loaded, and threads and garbage collection are set.
    """
    async with (
        open_images(settings, with_double=not for_bot) as images,
        open_application(
            settings,
            pack,
            on_progress,
            attachments=attachments,
            for_bot=for_bot,
            images=images,
            retry_delays_s=_RETRY_DELAYS_S,
            # Work of minutes is not lost because the database is away for one.
            patience=Patience(_PATIENCE_S, jobs_s=math.inf, start=StartPatience(math.inf, for_absent=True)),
        ) as application,
    ):
        await _settle_in(application)
        collecting = asyncio.create_task(garbage.collect_when_idle())
        try:
            yield application
        finally:
            collecting.cancel()


async def _settle_in(application: Application) -> None:
    # Not earlier: an engine that one of these threads starts inherits the thread's low priority. The embedded
    # database, for which buttons wait, must keep its share of the processor.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "work", initializer=yield_processor))
    sys.setswitchinterval(SWITCH_S)
    application.engines.fetch_in_background()
    await application.engines.warm_up()
    # The command line has switched garbage collection off until now.
    garbage.settle()
