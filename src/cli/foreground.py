"""What runs in the foreground until a signal: a bot, a console, a worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import texts.operation
from cli.display import Display
from cli.signals import stop_on_signals
from config import ROOT, env_file_is_open
from prompt_pack.models import ReportPack
from prompt_pack.pack import load_pack
from system.shortages import raise_limit_of_open_files


@asynccontextmanager
async def foreground(starting: str, stopped: str) -> AsyncIterator[tuple[ReportPack, Display]]:
    """Say ``starting``, run the block until SIGINT or SIGTERM, and say ``stopped``. A second signal ends the process.

    Raises:
        BadReportPack: the report pack has a fault.
    """
    raise_limit_of_open_files()
    stop_on_signals(asyncio.current_task())
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    with Display() as display:
        try:
            if env_file_is_open():
                display.say(texts.operation.ENV_OPEN)
            display.say(starting)
            yield pack, display
        except asyncio.CancelledError:
            display.say(stopped)
