"""The steps of ``scripts/backup``, ``scripts/restore`` and ``scripts/restore-drill`` that run in the container.

It is a program of its own, ``python -m cli.backup``: it runs as root, which must not open the bot's log.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import click
import structlog

import texts.backups
from application.backups import Backups
from config import ignore_absent_files, load_environment, load_settings
from errors import Interrupted, UnexpectedFailure, VoxPersonaError
from errors_of_operation import BackupDamaged
from log_setup import log_to_standard_error
from system.shortages import shortage_in
from utils import human_duration, human_size

log = structlog.get_logger(__name__)

_UMASK = 0o077
_DIFFERENT_STATUS = 1
_DRILL_FAILED_STATUS = 4
"""Says of a set that it cannot be restored. Docker itself ends with 1 whenever it cannot start a step."""
_CHECKOUT = Path("/installation")
"""Where the compose file mounts the folder with ``.env``."""
_NAME = click.argument("name", default="")
_INTO_USED = click.option("--into-used", is_flag=True)


def _say(text: str) -> None:
    # Standard output is for dumps and settings.
    click.echo(text, err=True)


def _backups() -> Backups:
    ignore_absent_files()
    settings = load_settings()
    # Of root, unlike .env, which the bot and the workers get.
    has_keys = load_environment(settings.persistent_dir / "secrets/backup/env")
    return Backups(load_settings() if has_keys else settings, _CHECKOUT, _say, has_keys=has_keys)


def _run(work: Callable[[Backups], Coroutine[None, None, int | None]]) -> None:
    sys.exit(asyncio.run(work(_backups())) or 0)


@click.group(context_settings={"help_option_names": []})
def commands() -> None:
    """Group the steps. None has a help, which would be a step that did nothing and succeeded."""


@commands.command()
def make() -> None:
    """Make a set of the dump on standard input."""

    async def run(backups: Backups) -> None:
        made = await backups.make(sys.stdin.buffer)
        sizes = {"size": human_size(made.set_bytes), "repository": human_size(made.repository_bytes)}
        _say(texts.backups.MADE.format(snapshot=made.snapshot[:8], duration=human_duration(made.seconds), **sizes))
        _say(texts.backups.KEEP_ELSEWHERE)
        if backups.is_local:
            _say(texts.backups.SAME_DISK)
        elif not backups.has_keys:
            _say(texts.backups.KEYS_IN_ENV)
        if await backups.has_damage():
            _say(texts.backups.DAMAGED_BEFORE)

    _run(run)


@commands.command()
def check() -> None:
    """Read all data of all sets."""

    async def run(backups: Backups) -> None:
        await backups.check()
        _say(texts.backups.CHECKED)

    _run(run)


@commands.command()
def sets() -> None:
    """Print the verified sets, the oldest first, and which version made each; what was damaged later is told below."""

    async def run(backups: Backups) -> None:
        found = await backups.listed()
        for each, manifest in found:
            at = f"{each.time.astimezone():%d.%m.%Y %H:%M %Z}"
            origin = texts.backups.ORIGIN_UNREADABLE if manifest is None else manifest.origin
            click.echo(texts.backups.SET_LINE.format(snapshot=each.id[:8], at=at, origin=origin))
        if not found:
            _say(texts.backups.NO_SETS)
        elif await backups.has_damage():
            _say(texts.backups.DAMAGED_AMONG)

    _run(run)


@commands.command()
@_NAME
@click.option("--partial", is_flag=True)
def take(name: str, *, partial: bool) -> None:
    """Take a set out into this installation, which has to be empty."""
    _run(lambda backups: backups.take(name, partial=partial))


@commands.command(name="take-for-drill")
@_NAME
def take_for_drill(name: str) -> None:
    """Take a set out into an installation beside this one; status 4 when the set is damaged."""

    async def run(backups: Backups) -> int:
        try:
            await backups.take_for_drill(name)
        except BackupDamaged as exc:
            _say(exc.user_text)
            return _DRILL_FAILED_STATUS
        return 0

    _run(run)


@commands.command()
@_NAME
def setting(name: str) -> None:
    """Print a file with settings of the set that was taken out; nothing when the set has none."""
    path = _backups().restored_setting(Path(name).name)
    if path.is_file():
        sys.stdout.buffer.write(path.read_bytes())


@commands.command()
def dump() -> None:
    """Print the dump of the set that was taken out."""
    with _backups().restored_dump().open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


@commands.command(name="require-store")
def require_store() -> None:
    """Fail when the configured store is somebody else's and has objects already."""
    _run(lambda backups: backups.require_empty_store())


@commands.command(name="put-objects")
@_INTO_USED
def put_objects(*, into_used: bool) -> None:
    """Put the objects of the set that was taken out into the store."""
    _run(lambda backups: backups.put_objects(into_used=into_used))


@commands.command()
@click.option("--drill", is_flag=True)
@_INTO_USED
def compare(*, drill: bool, into_used: bool) -> None:
    """Compare this installation with the set that was taken out; status 1 when they differ, 4 in a drill."""

    async def run(backups: Backups) -> int:
        manifest, differences = await backups.compare(into_used=into_used)
        for line in differences:
            _say(line)
        if differences:
            return _DRILL_FAILED_STATUS if drill else _DIFFERENT_STATUS
        counted = {
            "tables": texts.backups.TABLES.counted(len(manifest.tables)),
            "objects": texts.backups.OBJECTS.counted(len(manifest.objects)),
            "reports": texts.backups.REPORTS.counted(len(manifest.reports)),
        }
        left_out = await backups.left_out()
        for line in left_out:
            _say(line)
        restored = texts.backups.RESTORED_IN_PART if left_out else texts.backups.RESTORED
        _say((texts.backups.DRILL_PASSED if drill else restored).format(**counted))
        if not drill:
            _say(texts.backups.SCHEDULE)
            await backups.forget_restored()
        return 0

    _run(run)


@commands.command(name="forget-restored")
def forget_restored() -> None:
    """Remove what is left of the set that was taken out."""
    _run(lambda backups: backups.forget_restored())


@commands.command()
@click.argument("outcome", type=click.Choice(["passed", "failed", "stopped"]))
def drilled(outcome: str) -> None:
    """Note how the drill ended; "stopped" when it did not come to its end."""
    _run(lambda backups: backups.note_drill(passed=None if outcome == "stopped" else outcome == "passed"))


@commands.command(name="end-drill")
def end_drill() -> None:
    """Remove the drill's installation."""
    _run(lambda backups: backups.end_drill())


def main() -> None:
    """Run a step; every failure becomes a Russian sentence and an exit status."""
    os.umask(_UMASK)
    log_to_standard_error()
    try:
        commands(standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        error: VoxPersonaError = Interrupted()
    except VoxPersonaError as exc:
        error = exc
    except Exception as exc:  # the last boundary: people get a sentence
        log.exception("backup_step_failed")
        error = shortage_in(exc) or UnexpectedFailure(reason=type(exc).__name__)
    else:
        return
    _say(error.user_text)
    sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
