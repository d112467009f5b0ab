"""What every report must and must not find, on good and bad recordings and where hardly anything is said.

The answers are such as a good model gives, with inventions among them. ``report_table`` has a file for each recording:
what the model answers by a phrase of its question, and what then stands in the reports and their indices.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config import ROOT
from datamodels import BuildingType
from default_pack import PACK
from language_model.port import LanguageModel
from language_model.recorded import RecordedLanguageModel
from recorded_reports import written
from scripted_model import Call, ScriptedModel
from transcription.ready.reading import read_ready

CASES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "report_table").iterdir())
}
ROWS = [(case, report) for case, content in CASES.items() for report in content["reports"]]
QUOTES = ("quotes", "event")


def model_of(case: dict[str, Any]) -> LanguageModel:
    if "answers_file" in case:
        return RecordedLanguageModel(ROOT / case["answers_file"])

    def answer(call: Call) -> str | dict[str, Any]:
        known = case["texts"] if call.schema is None else case["answers"]
        [found] = [answer for phrase, answer in known.items() if phrase in call.prompt]
        return found if call.schema is None else {"items": [item_of(item) for item in found]}

    return ScriptedModel(answer)


def item_of(item: dict[str, Any]) -> dict[str, Any]:
    return {name: [{"text": each} for each in value] if name in QUOTES else value for name, value in item.items()}


def test_the_table_has_every_report_on_three_recordings_and_every_building_type() -> None:
    reports = {report.id for scenario in ("interview", "design") for report in PACK.reports(scenario)}
    assert {
        report: sorted(case["building"] for case in CASES.values() if report in case["reports"]) for report in reports
    } == {report: sorted(BuildingType) for report in reports}


@pytest.mark.parametrize(("name", "report_id"), ROWS)
async def test_a_report_finds_what_it_must_and_nothing_that_it_must_not(
    name: str, report_id: str, tmp_path: Path
) -> None:
    case = CASES[name]
    if "transcript_file" in case:
        file = ROOT / case["transcript_file"]
    else:
        file = tmp_path / "recording.txt"
        file.write_text(case["transcript"], encoding="utf-8")
    transcript = read_ready(file, file.name).transcript
    report = await written(PACK.report(report_id), transcript, model_of(case), BuildingType(case["building"]))
    expected = case["reports"][report_id]
    assert [each for each in expected["must"] if each not in report.text] == []
    assert [each for each in expected["must_not"] if each in report.text] == []
    values = {index.name: index.value for index in report.indices or ()}
    assert {name: values[name] for name in expected["values"]} == expected["values"]
