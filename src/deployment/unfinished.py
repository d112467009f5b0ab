"""Tells on the server of a deploy that has not come to its end: ``python -m deployment.unfinished [running]``.

With ``running`` something runs: then a deploy that has not replaced it yet is no trouble. It needs no library.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import texts.deploy
from deployment.records import Records
from deployment.reports import say

_FOLDER = Path(__file__).resolve().parents[2] / "persistent_data" / "deploys"
_RUNNING = "running"
_OPEN_STATUS, _CLOSED_STATUS = 1, 3


def told(folder: Path, *, running: bool) -> str | None:
    """Return what an operator should know of the deploys in ``folder``; None when the last one came to its end."""
    records = Records(folder)
    if (pid := records.holder()) is not None:
        return texts.deploy.GOES_ON.format(pid=pid)
    record = records.unfinished()
    if record is None or (running and not record.switched):
        return None
    text = texts.deploy.LEFT_OPEN if record.former_image else texts.deploy.LEFT_OPEN_AT_FIRST
    what = texts.deploy.UNPROVEN_RUNS if running else texts.deploy.NOTHING_PROVEN
    step = texts.deploy.STEPS.get(record.step, record.step).format(seconds="").removesuffix("  с")
    return text.format(id=record.id, step=step, what=what)


def main(arguments: Sequence[str]) -> int:
    """Print what is known; status 1 when there is something, 3 when we may not know."""
    closed = Records(_FOLDER).closed()
    if closed is not None:
        say(texts.deploy.DEPLOYS_CLOSED.format(path=closed[0], owner=closed[1]))
        return _CLOSED_STATUS
    text = told(_FOLDER, running=_RUNNING in arguments)
    if text is None:
        return 0
    say(text)
    return _OPEN_STATUS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
