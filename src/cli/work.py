"""A worker in the foreground: starts, says that it works, and stops at a signal."""

import texts.cli
import texts.operation
from application.configuration import require_safe
from application.worker import open_worker, require_shared
from cli.foreground import foreground
from config import Settings


async def work(settings: Settings, *, idle: bool = False) -> int:
    """Run a worker until SIGINT or SIGTERM; with ``idle`` it takes no jobs. A second signal ends the process at once.

    Work that is cut off is taken over by other workers, or goes on at the next start.

    Returns:
        0.

    Raises:
        BadReportPack: the report pack has a fault.
        Everything that ``open_worker`` raises.
    """
    require_safe(settings)
    require_shared(settings)
    async with (
        foreground(texts.cli.WORKER_STARTING, texts.cli.WORKER_STOPPED) as (pack, display),
        open_worker(settings, pack, display.advance) as worker,
    ):
        display.say(texts.cli.WORKER_READY)
        await worker.run(idle=idle)
    return 0
