"""The demonstration's interview and recorded answers: every report of the pack comes out of them, checked for real."""

from pathlib import Path

import pytest

from config import ROOT
from default_pack import PACK
from language_model.recorded import RecordedLanguageModel
from recorded_reports import written
from reports.generation import GeneratedReport
from transcription.ready.reading import read_ready

INTERVIEW = ROOT / "samples" / "interview.txt"
ANSWERS = ROOT / "samples" / "answers.yaml"
REPORTS = [report.id for report in PACK.reports("interview")]


async def report_of(report_id: str, answers: Path = ANSWERS) -> GeneratedReport:
    transcript = read_ready(INTERVIEW, INTERVIEW.name).transcript
    return await written(PACK.report(report_id), transcript, RecordedLanguageModel(answers))


def test_the_interview_has_four_minutes_and_two_speakers_with_their_roles() -> None:
    ready = read_ready(INTERVIEW, INTERVIEW.name)
    assert 230 < ready.transcript.duration_s < 270
    assert [each.role for each in ready.transcript.segments[:2]] == ["Сотрудник", "Клиент"]
    assert (ready.transcript.speakers, ready.warnings) == (2, ())


@pytest.mark.parametrize("report_id", REPORTS)
async def test_every_report_comes_out_without_a_warning_and_with_all_its_indices(report_id: str) -> None:
    report = await report_of(report_id)
    assert report.warnings == ()
    assert (report.dropped_items, report.dropped_quotes) == (0, 0)
    assert report.indices_error is None
    assert report.indices
    assert [each.name for each in report.indices if each.value is None] == []
    assert "[нет в записи]" not in report.text


async def test_words_that_nobody_said_are_found_among_recorded_answers_as_among_any(tmp_path: Path) -> None:
    changed = tmp_path / "answers.yaml"
    content = ANSWERS.read_text(encoding="utf-8")
    changed.write_text(content.replace("Спали до десяти", "Не спали до десяти"), encoding="utf-8")
    assert (await report_of("report_int_specific", changed)).dropped_quotes == 1
