"""Runs a command of the command line: its log, its signals, its failure in words, and its exit status."""

import asyncio
import io
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress

import click
import structlog

from cli.folders import folder_closed, require_folders
from cli.signals import stopping_signals
from config import Settings, load_settings, secret_values
from errors import Interrupted, UnknownChoice, VoxPersonaError
from errors_of_operation import BotNotConfigured
from log_setup import configure_logging, hide
from utils import disk_full_mapped

log = structlog.get_logger(__name__)


def require(value: str, allowed: tuple[str, ...]) -> None:
    """Raise ``UnknownChoice`` unless the value is one of those that are allowed."""
    if value not in allowed:
        raise UnknownChoice(value=value, allowed=", ".join(allowed))


def run_command(command: Callable[[], Coroutine[None, None, int]], *, console: bool = False) -> None:
    """Run a command, then end the process with the command's exit status.

    Ctrl-C, SIGTERM and the end of the terminal cancel the command, which then cleans up. With ``console`` the log also
    goes to standard error.
    """

    async def cancellable() -> int:
        task = asyncio.create_task(command())
        for number in stopping_signals():
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    settings = load_settings()
    open_logs(settings, console=console)
    try:
        status = asyncio.run(cancellable())
    except (asyncio.CancelledError, KeyboardInterrupt):
        status = tell(Interrupted())
    except BotNotConfigured:
        raise  # no accident: three lines for a newcomer, who sees the log in the same terminal
    except VoxPersonaError as exc:
        log.warning("command_ended", error=exc.code, reason=str(exc))
        raise
    # Threads of a local engine cannot be cancelled and the interpreter would wait for them; all state is committed.
    sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(status)


def open_logs(settings: Settings, *, console: bool) -> None:
    """Open the log, the first file that is written under ``PERSISTENT_DIR``.

    Raises:
        FolderClosed: a folder of the product cannot be written to.
        DiskFull: no space left.
    """
    folder = settings.persistent_dir / "logs"
    hide(*secret_values(settings))
    try:
        with disk_full_mapped(folder):
            configure_logging(folder, settings.log_level, console=console)
    except OSError as exc:
        raise folder_closed(folder) from exc
    require_folders(settings.persistent_dir)


def tell(error: VoxPersonaError) -> int:
    """Print what is wrong; return the exit status for it."""
    say(error.user_text)
    return error.exit_status


def say(text: str) -> None:
    """Print to standard error. Text that cannot be printed is dropped: the exit status still tells what happened."""
    try:
        click.echo(text, err=True)
    except OSError:
        # Python flushes standard error once more when it exits: a failure then would change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def open_closed_streams() -> None:
    """Replace standard streams that were closed at the start, so that no file gets their descriptors.

    What the encoding of the locale lacks, as KOI8-R lacks «✔», is printed as a question mark.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: SIM115, PTH123  # open for good
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # of a stream that cannot be rewound, though it is open for reading, too
                stream.reconfigure(errors="replace")
