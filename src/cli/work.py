"""A worker in the foreground: starts, says that it works, and stops at a signal."""

import asyncio

import texts.cli
import texts.operation
from application.configuration import require_safe
from application.worker import open_worker, require_shared
from cli.display import Display
from cli.signals import stop_on_signals
from config import ROOT, Settings, env_file_is_open
from prompt_pack.pack import load_pack
from system.shortages import raise_limit_of_open_files


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
    raise_limit_of_open_files()
    stop_on_signals(asyncio.current_task())
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    with Display() as display:
        try:
            if env_file_is_open():
                display.say(texts.operation.ENV_OPEN)
            display.say(texts.cli.WORKER_STARTING)
            async with open_worker(settings, pack, display.advance) as worker:
                display.say(texts.cli.WORKER_READY)
                await worker.run(idle=idle)
        except asyncio.CancelledError:
            display.say(texts.cli.WORKER_STOPPED)
    return 0
