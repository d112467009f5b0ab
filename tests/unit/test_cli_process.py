"""What the main job in the terminal says is true of what it does."""

from pathlib import Path
from uuid import uuid4

import pytest

from cli.process import _described_reports, _described_work
from datamodels import RecordingId, RecordingProgress, RunStatus, Stage
from product import Product


def progress(stage: Stage) -> RecordingProgress:
    """Of a recording that has two reports from an earlier command."""
    return RecordingProgress(
        recording_id=RecordingId(uuid4()),
        stage=stage,
        parts_done=5,
        parts_total=18,
        runs={RunStatus.DONE: 2},
        passes_done=2,
        passes_total=2,
        error_code=None,
        error_text=None,
    )


@pytest.mark.parametrize(("stage", "line"), [(Stage.PREPARED, "Расшифровка 5/18"), (Stage.DONE, "Готово")])
def test_work_on_a_recording_tells_nothing_of_earlier_reports(stage: Stage, line: str) -> None:
    assert _described_work(progress(stage))[0] == line


def test_reports_that_were_asked_for_are_counted() -> None:
    assert _described_reports(progress(Stage.DONE)) == ("Отчёты 2/2", 1.0)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_file_that_is_not_there_is_all_that_is_told(options: tuple[str, ...], tmp_path: Path) -> None:
    done = Product(tmp_path / "state").run("process", "нет.ogg", *options)
    assert (done.status, done.out) == (2, "[]\n" if options else "")
    assert done.said.splitlines()[1:] == [
        "✖ нет.ogg: Файл «нет.ogg» не читается: такого файла нет. Проверьте путь и права доступа."
    ]
