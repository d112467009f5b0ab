"""The bot in the foreground: starts, says that it works, and stops at a signal."""

import click

import texts.cli
import texts.operation
from application.bot import messenger_of, open_bot
from application.configuration import require_safe
from application.web import open_console
from application.worker import require_shared
from cli.foreground import foreground
from cli.work import work
from config import Settings
from errors_of_operation import NeitherBotNorShared, WorkerAlone


async def serve(settings: Settings) -> int:
    """Run the bot until SIGINT or SIGTERM. A second signal ends the process at once.

    Work that is cut off goes on at the next start. Where nothing of Telegram is set the console runs without it; where
    the settings say that it may be missing, a worker.

    Returns:
        0.

    Raises:
        BotNotConfigured: token, id or hash is missing.
        NeitherBotNorShared: the token may be missing, but then database and object store have to be shared.
        BadReportPack: the report pack has a fault.
        Everything that ``open_bot`` or ``work`` raises.
    """
    if settings.works_without_bot:
        try:
            require_shared(settings)
        except WorkerAlone as exc:
            raise NeitherBotNorShared(names=exc.details["names"]) from None
        click.echo(texts.cli.NO_BOT)
        return await work(settings)
    require_safe(settings)
    telegram = (settings.telegram_bot_token, settings.telegram_api_id, settings.telegram_api_hash)
    if all(each is None for each in telegram):
        return await _serve_browsers(settings)
    messenger = messenger_of(settings)
    async with (
        foreground(texts.cli.BOT_STARTING, texts.cli.BOT_STOPPED) as (pack, display),
        open_bot(settings, pack, messenger, display.advance) as bot,
    ):
        if not bot.is_connected:
            display.say(texts.cli.BOT_OUT_OF_REACH)
        await bot.run(lambda: display.say(texts.cli.BOT_READY.format(username=bot.username)))
    return 0


async def _serve_browsers(settings: Settings) -> int:
    """Run the console without a bot; print by which address this machine's user comes in."""
    async with (
        foreground(texts.cli.CONSOLE_STARTING, texts.cli.BOT_STOPPED) as (pack, display),
        open_console(settings, pack, display.advance) as console,
    ):
        display.say(texts.cli.CONSOLE_READY.format(link=console.link))
        await console.run()
    return 0
