"""How long the list of reports takes us to open, what a change costs, and the memory of both. Sending is not counted.

``pytest -s tests/benchmarks/test_report_list.py`` prints the tables.
"""

import asyncio
import gc
import resource
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import pytest

from config import ROOT
from datamodels import NewReportFile, ReportFile, ReportId, ReportRunId, ScenarioId, UserId
from markups.my_reports import reports_page
from md_storage import ReportFiles
from prompt_pack.pack import load_pack
from report_folder.index import ReportIndex, write_index
from reports.archive_export import list_text
from reports.archive_filters import ReportFilter, filter_lines, filtered, snapshot_of

OWNER = UserId(UUID(int=7))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALLOWED_S = {100: 0.2, 1_000: 0.2, 10_000: 1.5}
LONGEST_STALL_S = 0.1
OPENINGS = 5
CHANGES = 25
LONGEST_CHANGE_S = 0.05
MANY = 100_000
LONGEST_PAGE_S = 0.2
MOST_MIB = 200
"""For 100,000 reports; they stay in memory as they are in the file, and are twice as much while they are read."""
FLAT_MIB = 32
"""More than this is growth, not the allocator's mood."""


def reports(count: int) -> Iterator[ReportFile]:
    for number in range(1, count + 1):
        yield ReportFile(
            id=ReportRunId(uuid4()),
            number=number,
            title=f"1) Оценка методологии интервью — Интервью №{number}, отель «Заря».ogg",
            recording_number=number,
            recording_file_name=f"Интервью №{number}, отель «Заря».ogg",
            report_id=ReportId("report_int_methodology"),
            scenario=ScenarioId("interview"),
            label="1) Оценка методологии интервью",
            created_at=NOW - timedelta(hours=number),
            size_bytes=12_000,
            tokens=3_000,
        )


async def opened(files: ReportFiles) -> tuple[float, int, float]:
    """Seconds and bytes of a list, as the handler makes it, and for how long the event loop stood still meanwhile."""
    stop = asyncio.Event()
    watching = asyncio.create_task(longest_stall(stop))
    began = perf_counter()
    found = await files.newest_first(OWNER)
    snapshot_of(found.numbers, NOW).model_dump(mode="json")
    content = await asyncio.to_thread(list_text, found, NOW)
    seconds = perf_counter() - began
    stop.set()
    return seconds, len(content), await watching


async def longest_stall(stop: asyncio.Event) -> float:
    """The longest time in which the event loop did not come back."""
    longest = 0.0
    while not stop.is_set():
        began = perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, perf_counter() - began - 0.001)
    return longest


def memory_mib() -> float:
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("count", ALLOWED_S)
async def test_the_list_opens_in_time_in_flat_memory_and_lets_the_event_loop_run(tmp_path: Path, count: int) -> None:
    folder = tmp_path / f"user_{OWNER}"
    folder.mkdir()
    write_index(folder, ReportIndex(next_number=count + 1, reports=list(reports(count))))
    files = ReportFiles(tmp_path)
    await opened(files)
    before = memory_mib()
    openings = [await opened(files) for _ in range(OPENINGS)]
    after = memory_mib()
    times = [seconds for seconds, _, _ in openings]
    # What we cause is in every opening; what a busy machine adds is not.
    stall = min(stalled for _, _, stalled in openings)
    print(
        f"\n{count:>6} reports  list {openings[0][1] / 2**20:5.2f} MiB  median {median(times) * 1000:6.0f} ms  "
        f"worst {max(times) * 1000:6.0f} ms  loop stalled {stall * 1000:4.0f} ms  memory +{after - before:.1f} MiB"
    )
    assert median(times) <= ALLOWED_S[count]
    assert stall <= LONGEST_STALL_S
    assert after - before <= FLAT_MIB


@pytest.mark.parametrize("count", [1_000, 100_000])
async def test_a_change_costs_little_however_many_reports_there_are(tmp_path: Path, count: int) -> None:
    folder = tmp_path / f"user_{OWNER}"
    folder.mkdir()
    write_index(folder, ReportIndex(next_number=count + 1, reports=reports(count)))
    files = ReportFiles(tmp_path)
    new = next(reports(1))
    before = memory_mib()
    began = perf_counter()
    await files.find(OWNER, 1)
    first_s = perf_counter() - began
    changes: dict[str, list[float]] = {"save": [], "rename": [], "delete": [], "page": []}

    async def timed(what: str, work: Awaitable[object]) -> None:
        began = perf_counter()
        await work
        changes[what].append(perf_counter() - began)

    for place in range(1, CHANGES + 1):
        await timed("rename", files.rename(OWNER, place, f"Имя {place}"))
        await timed("save", files.save(OWNER, _unnumbered(new), "# Отчёт"))
        await timed("page", _page(files))
        line = await files.begin_delete(OWNER, count // 2 + place)
        await timed("delete", files.finish_delete(OWNER, line.id))
    after = memory_mib()
    times = "  ".join(
        f"{what} {median(each) * 1000:5.1f} (worst {max(each) * 1000:6.1f})" for what, each in changes.items()
    )
    print(f"\n{count:>7} reports  first look {first_s * 1000:5.0f} ms  {times} ms  memory +{after - before:.0f} MiB")
    for each in changes.values():
        assert median(each) <= LONGEST_CHANGE_S
    assert after - before <= MOST_MIB


async def test_every_list_of_a_person_with_very_many_is_there_in_time(tmp_path: Path) -> None:
    """After a start, which looks through every folder; lists with a filter among them."""
    folder = tmp_path / f"user_{OWNER}"
    folder.mkdir()
    write_index(folder, ReportIndex(next_number=MANY + 1, reports=reports(MANY)))
    files, pack = ReportFiles(tmp_path), load_pack(ROOT / "prompts")
    await files.reconcile(OWNER, [])
    filters = {
        "no filter, first look": ReportFilter(),
        "no filter": ReportFilter(),
        "a month": ReportFilter(first=NOW.date() - timedelta(days=30), last=NOW.date()),
        "a word in the title": ReportFilter(title="№77"),
        "a type": ReportFilter(report_id=ReportId("report_int_methodology")),
        "a scenario": ReportFilter(scenario=ScenarioId("interview")),
    }
    times: dict[str, float] = {}
    for name, wanted in filters.items():
        began = perf_counter()
        found = await files.newest_first(OWNER)
        fitting = await asyncio.to_thread(filtered, found, wanted, pack, {})
        filter_lines(wanted, found, pack)
        reports_page(fitting, 1, [])
        times[name] = perf_counter() - began
    print(f"\n{MANY} reports")
    for name, seconds in times.items():
        print(f"{name:30} {seconds * 1000:7.1f} ms")
    assert max(times.values()) <= LONGEST_PAGE_S


async def _page(files: ReportFiles) -> list[ReportFile]:
    return (await files.newest_first(OWNER))[500:510]


def _unnumbered(report: ReportFile) -> NewReportFile:
    entry = report.model_dump(exclude={"size_bytes", "tokens"})
    return NewReportFile(**{**entry, "id": uuid4(), "number": None})
