"""Report folders under kill -9 at any file operation, and under many at once from two processes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from md_storage import ReportFiles
from report_folder_worker import OWNER

TESTS = Path(__file__).resolve().parents[1]
KILLS_AT_ONCE = 50


def worker(root: Path, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, str(TESTS / "report_folder_worker.py"), str(root), *map(str, arguments)]
    environment = {"PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS}"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def told_by(process: "subprocess.Popen[str]") -> list[tuple[str, Any]]:
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return [item for line in output.splitlines() for item in json.loads(line).items()]


class Expected:
    """What a folder must have after what was told: an operation that was begun last may have been done or not."""

    def __init__(self) -> None:
        self.reports: dict[str, list[str]] = {}
        self.numbers: dict[str, str] = {}
        """Every number that was ever given, and to which report."""
        self.begun: tuple[str, Any] | None = None

    def hear(self, what: str, about: Any) -> None:
        if what in {"saving", "renaming", "deleting"}:
            self.begun = (what, about)
            return
        if what == "saved":
            report, number = about
            self.give(str(number), report)
            self.reports[str(number)] = [report, "Отчет"]
        elif what == "renamed":
            self.reports[str(about[0])][1] = about[1]
        elif what == "deleted":
            del self.reports[str(about)]
        elif what == "there":
            self.compare(about)
        self.begun = None

    def give(self, number: str, report: str) -> None:
        assert self.numbers.setdefault(number, report) == report, f"number {number} was given twice"

    def compare(self, there: dict[str, list[str]]) -> None:
        for number, (report, _) in there.items():
            self.give(number, report)
        if there != self.reports:
            assert self.begun is not None, "something changed that nobody changed"
            what, about = self.begun
            after = {number: list(line) for number, line in self.reports.items()}
            if what == "saving":
                number = next(iter(there.keys() - after.keys()))
                after[number] = [about, "Отчет"]
            elif what == "renaming":
                after[str(about[0])][1] = about[1]
            else:
                del after[str(about)]
            assert there == after
            self.reports = after


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_kill_9_at_fifty_random_file_operations_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Two hundred in all."""
    expected = Expected()
    lines = told_by(worker(tmp_path, "kills", seed, KILLS_AT_ONCE))
    assert [what for what, _ in lines].count("there") == KILLS_AT_ONCE
    for what, about in lines:
        expected.hear(what, about)
    assert {str(report.number) for report in await ReportFiles(tmp_path).list(OWNER)} == set(expected.reports)


async def test_fifty_operations_at_once_in_each_of_two_processes_leave_a_consistent_folder(tmp_path: Path) -> None:
    both = [worker(tmp_path, "crowd", seed, 50) for seed in ("first", "second")]
    lines = [line for process in both for line in told_by(process)]
    saved = {number: report for what, (report, number) in ((w, a) for w, a in lines if w == "saved")}
    deleted = [about for what, about in lines if what == "deleted"]
    renamed = {number: title for what, about in lines if what == "renamed" for number, title in [about]}
    assert len(saved) == sum(what == "saved" for what, _ in lines), "a number was given twice"
    # Both may be told that a deletion is done which they both had begun.
    left = saved.keys() - set(deleted)
    files = ReportFiles(tmp_path)
    reports = await files.list(OWNER)
    assert {report.number: str(report.id) for report in reports} == {number: saved[number] for number in left}
    assert {path.name for path in _report_files(tmp_path)} == {f"{saved[number]}.md" for number in left}
    for report in reports:
        assert (report.title == "Отчет") == (report.number not in renamed)
        await files.read(OWNER, report.number)
    result = await files.reconcile(OWNER, [])
    assert (result.rebuilt, result.added, result.missing, result.orphans, result.deleting) == (False, (), (), (), ())


def _report_files(root: Path) -> list[Path]:
    return list(root.glob("user_*/*.md"))
