"""The commands of the server: deploy, rollback, cleaning. They need no library, for the server has none."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import texts.deploy
from deployment.commands import Commands
from deployment.deploy import STATUSES, Deploy
from deployment.engine import Engine
from deployment.images import clean
from deployment.log_files import clean_logs
from deployment.records import Record, Records, restores_kept_away
from deployment.reports import Teller, named, report_text, result_of, say, why_of
from deployment.rollback import roll_back
from deployment.settings import DeploySettings
from errors import VoxPersonaError
from errors_of_operation import DeploymentStopped

_ROOT = Path(__file__).resolve().parents[2]
_USAGE_STATUS = 2
_FAILED_STATUS = 1
_WITHOUT_BACKUP, _FORCE, _DAYS, _COMMIT = "--without-backup", "--force", "--days", "--commit"
_SHOWN = {_DAYS: f"{_DAYS}=N", _COMMIT: f"{_COMMIT}=SHA"}
_DEFAULT_DAYS = 30
_OPTIONS = {
    "deploy": {
        _WITHOUT_BACKUP: texts.deploy.HELP_WITHOUT_BACKUP,
        _FORCE: texts.deploy.HELP_FORCE,
        _COMMIT: texts.deploy.HELP_COMMIT,
    },
    "rollback": {},
    "cleanup_images": {},
    "cleanup_logs": {_DAYS: texts.deploy.HELP_DAYS},
}
_HELP = {
    "deploy": texts.deploy.HELP_DEPLOY,
    "rollback": texts.deploy.HELP_ROLLBACK,
    "cleanup_images": texts.deploy.HELP_IMAGES,
    "cleanup_logs": texts.deploy.HELP_LOGS,
}


def _help(name: str) -> str:
    options = {**_OPTIONS[name], "--help": texts.deploy.USAGE_HELP}
    lines = [f"{texts.deploy.USAGE_HEAD}scripts/{name} [{texts.deploy.USAGE_OPTIONS}]", "", _HELP[name], ""]
    shown = {_SHOWN.get(option, option): what for option, what in options.items()}
    return "\n".join([*lines, *(f"  {option:18}{what}" for option, what in shown.items())])


@contextmanager
def _alone(name: str) -> Iterator[Records]:
    """Keep other deploys and restores away while the command ``name`` works; yield the records of deploys.

    Raises:
        DeploymentStopped: one of them is at work, or we may not write here.
    """
    records = Records(_ROOT / "persistent_data" / "deploys")
    records.prepare()
    with (
        records.locked(lambda: say(texts.deploy.WAITS_FOR_KILLED)),
        restores_kept_away(_ROOT, name) as turn,
    ):
        records.held += turn
        yield records


def _deploy(options: Sequence[str], environment: Mapping[str, str]) -> int:
    wanted = next((each.partition("=")[2] for each in options if each.startswith(_COMMIT)), None)
    if wanted is not None and not re.fullmatch("[0-9a-f]{40}", wanted):
        raise DeploymentStopped(why=texts.deploy.COMMIT_WRONG)
    with _alone("deploy") as records:
        settings = DeploySettings(_ROOT, environment)
        before, record = records.unfinished(), records.new()
        if before is not None:
            record.go_on_from(before)
            # One that came to its end, and did not bring the former version back, has its report.
            if not before.result:
                before.result = "interrupted"
                records.report(before, report_text(before))
            # In its place, not after it: that there is something to go back to is known at every moment.
            records.save(record)
        with records.open_log(record) as log:
            commands = Commands(_ROOT, environment, log, records.held)
            deploy = Deploy(_ROOT, settings, records, commands, Teller())
            backup, force = _WITHOUT_BACKUP not in options, _FORCE in options
            path = deploy.run(record, before, backup=backup, force=force, wanted=wanted)
    _conclude(record, path, records)
    return STATUSES[record.result]


def _roll_back(_: Sequence[str], environment: Mapping[str, str]) -> int:
    with _alone("rollback") as records:
        settings = DeploySettings(_ROOT, environment)
        record = records.new()
        with records.open_log(record) as log:
            path = roll_back(settings, records, record, Commands(_ROOT, environment, log, records.held))
    if record.result == "done":
        say(texts.deploy.ROLLED_BACK.format(commit=named(record.target_commit), seconds=record.seconds))
        say(texts.deploy.REPORT_LINE.format(path=path))
        return 0
    _conclude(record, path, records)
    return STATUSES[record.result]


def _clean_images(_: Sequence[str], environment: Mapping[str, str]) -> int:
    with _alone("cleanup_images") as records:
        before = records.unfinished()
        engine = Engine(Commands(_ROOT, environment))
        engine.require()
        removed, kept = clean(engine, None if before is None else before.former_image)
    count = texts.deploy.IMAGE.counted(len(removed))
    text = texts.deploy.IMAGES_REMOVED if removed else texts.deploy.IMAGES_NONE
    say(text.format(count=count, kept=", ".join(kept) or "—"))
    return 0


def _clean_logs(options: Sequence[str], _: Mapping[str, str]) -> int:
    value = next((each.partition("=")[2] for each in options), str(_DEFAULT_DAYS))
    if not value.isdecimal():
        raise DeploymentStopped(why=texts.deploy.NUMBER_WRONG.format(name=_DAYS, least=0))
    files, size = clean_logs(_ROOT / "persistent_data", int(value))
    if files:
        count = texts.deploy.LOG_FILE.counted(files)
        say(texts.deploy.LOGS_REMOVED.format(count=count, megabytes=round(size / 1e6)))
    else:
        say(texts.deploy.LOGS_NONE.format(days=value))
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str], Mapping[str, str]], int]] = {
    "deploy": _deploy,
    "rollback": _roll_back,
    "cleanup_images": _clean_images,
    "cleanup_logs": _clean_logs,
}


def _conclude(record: Record, path: Path, records: Records) -> None:
    if record.why:
        say(record.why)
    say(result_of(record))
    say(texts.deploy.REPORT_LINE.format(path=path))
    if record.result not in {"done", "nothing_new"}:
        say(texts.deploy.LOG_LINE.format(path=records.log_of(record)))


def _complain(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):
        return


def _interrupt(*_: object) -> None:
    # Once: the way back must not be broken off by impatience.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    """Run the command that the first argument names; return the exit status."""
    name, *options = arguments
    if {"-h", "--help"}.intersection(options):
        say(_help(name))
        return 0
    if wrong := [each for each in options if each.partition("=")[0] not in _OPTIONS[name]]:
        _complain(texts.deploy.USAGE_WRONG.format(wrong=" ".join(wrong), program=f"scripts/{name}"), sys.stderr)
        return _USAGE_STATUS
    # A connection that breaks must not break the deploy.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _COMMANDS[name](options, dict(os.environ))
    except (VoxPersonaError, OSError, KeyboardInterrupt) as exc:
        _complain(why_of(exc), sys.stderr)
    return _FAILED_STATUS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
