"""The bot in the foreground: starts, says that it works, and stops at a signal."""

import asyncio
import os
import signal

import structlog

import texts.cli
from application.bot import messenger_of, open_bot
from cli.display import Display
from config import ROOT, Settings
from prompt_pack.pack import load_pack
from shortages import raise_limit_of_open_files

log = structlog.get_logger(__name__)

_STOP_LIMIT_S = 18.0
"""The most seconds from the signal to the end of the process. The next start resumes work that was cut off."""


async def serve(settings: Settings) -> int:
    """Run bot and worker until SIGINT or SIGTERM. A second signal ends the process at once.

    Work that is cut off goes on at the next start.

    Returns:
        0.

    Raises:
        BotNotConfigured: token, id or hash is missing.
        BadReportPack: the report pack has a fault.
        Everything that ``open_bot`` raises.
    """
    messenger = messenger_of(settings)
    raise_limit_of_open_files()
    _stop_on_signals(asyncio.current_task())
    pack = await asyncio.to_thread(load_pack, ROOT / "prompts")
    with Display() as display:
        try:
            display.say(texts.cli.BOT_STARTING)
            async with open_bot(settings, pack, messenger, display.advance) as bot:
                display.say(texts.cli.BOT_READY.format(username=bot.username))
                await bot.run()
        except asyncio.CancelledError:
            display.say(texts.cli.BOT_STOPPED)
    return 0


def _stop_on_signals(serving: "asyncio.Task[int] | None") -> None:
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            os._exit(0)
        stopping = True
        log.info("stopping")
        loop.call_later(_STOP_LIMIT_S, os._exit, 0)
        if serving is not None:
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
