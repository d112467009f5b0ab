"""A process that works in a report folder, to be killed: ``python report_folder_worker.py ROOT MODE …``.

``kills SEED TIMES``: forks children that save, rename and delete at random; each is killed with SIGKILL before one of
its file operations, at random. What a child was told is printed as JSON lines, with what the folder has afterwards.
``crowd SEED COUNT``: COUNT such operations at once, nobody is killed; prints what was done.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog

from datamodels import NewReportFile, ReportId, ReportRunId, UserId
from errors import NotFound
from md_storage import ReportFiles
from utils import count_tokens

OWNER = UserId(UUID(int=7))
FILE_OPERATIONS = frozenset(["open", "os.rename", "os.remove"])
MOST_OPERATIONS = 60
"""Of files, that a child lives to see: a few of the person's."""

Tell = Callable[[str, object], None]


def entry(generator: random.Random) -> NewReportFile:
    return NewReportFile(
        id=ReportRunId(UUID(int=generator.getrandbits(128), version=4)),
        title="Отчет",
        recording_number=1,
        recording_file_name="запись.ogg",
        report_id=ReportId("report_int_links"),
        label="Отчет о связках",
        created_at=datetime(2026, 11, 3, tzinfo=UTC),
    )


def journaled(seed: str) -> float:
    """How many changes a folder's journal holds of the number of its reports; with every second seed very few."""
    return 0.01 if seed.startswith(("2", "4")) else 2.0


def text_of(report: object) -> str:
    return f"текст отчета {report} " * 20


async def change(files: ReportFiles, generator: random.Random, tell: Tell) -> None:
    """One operation of a person; ``tell`` hears what is about to be done and what is done."""
    numbers = [report.number for report in await files.list(OWNER)]
    what = generator.choice(["save", "save", "rename", "delete"])
    if what == "save" or not numbers:
        new = entry(generator)
        tell("saving", str(new.id))
        tell("saved", [str(new.id), await files.save(OWNER, new, text_of(new.id))])
        return
    number = generator.choice(numbers)
    try:
        if what == "rename":
            title = f"имя {generator.getrandbits(32)}"
            tell("renaming", [number, title])
            await files.rename(OWNER, number, title)
            tell("renamed", [number, title])
        else:
            tell("deleting", number)
            line = await files.begin_delete(OWNER, number)
            await files.finish_delete(OWNER, line.id)
            tell("deleted", number)
    except NotFound:
        tell("not_found", number)


def killed_child(root: Path, seed: str) -> None:
    """Work until killed."""
    generator = random.Random(seed)  # noqa: S311
    left = generator.randint(1, MOST_OPERATIONS)

    def count(event: str, _: object) -> None:
        nonlocal left
        if event in FILE_OPERATIONS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def tell(what: str, about: object) -> None:
        os.write(1, (json.dumps({what: about}, ensure_ascii=False) + "\n").encode())

    async def work() -> None:
        files = ReportFiles(root, journaled(seed))
        while True:
            await change(files, generator, tell)

    sys.addaudithook(count)
    asyncio.run(work())


def looking_child(root: Path) -> None:
    """Mend the folder as the product does at its start, and print what there is."""

    async def look() -> None:
        files = ReportFiles(root)
        result = await files.reconcile(OWNER, [])
        for deleted in result.deleting:
            await files.finish_delete(OWNER, deleted)
        reports = await files.list(OWNER)
        for report in reports:
            assert await files.read(OWNER, report.number) == text_of(report.id), report.number
        there = {str(report.number): [str(report.id), report.title] for report in reports}
        os.write(1, (json.dumps({"there": there}, ensure_ascii=False) + "\n").encode())

    asyncio.run(look())


def in_child(work: Callable[[], None]) -> int:
    """Run in a fork: imports are not paid for again. Returns how it ended; less than zero is a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as exc:  # noqa: BLE001  # whatever it is, the fork must not go on as its parent
            os.write(2, f"{type(exc).__name__}: {exc}\n".encode())
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kills(root: Path, seed: str, times: int) -> None:
    # Its vocabulary takes a second to load: once, not in every child.
    count_tokens("")
    for round_ in range(times):
        assert in_child(partial(killed_child, root, f"{seed}:{round_}")) == -signal.SIGKILL
        assert in_child(partial(looking_child, root)) == 0


async def crowd(root: Path, seed: str, count: int) -> None:
    files = ReportFiles(root, journaled(seed))
    told: list[dict[str, object]] = []

    def tell(what: str, about: object) -> None:
        told.append({what: about})

    await asyncio.gather(*(change(files, random.Random(f"{seed}:{each}"), tell) for each in range(count)))  # noqa: S311
    for line in told:
        os.write(1, (json.dumps(line, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    folder, mode, its_seed, how_many = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    if mode == "kills":
        kills(folder, its_seed, how_many)
    else:
        asyncio.run(crowd(folder, its_seed, how_many))
