"""What a caption tells of the scenario."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import ScenarioId
from metadata_captions import scenario_of_caption

TODAY = date(2026, 11, 21)
SCENARIOS = (ScenarioId("interview"), ScenarioId("design"))
HEAD = "12\n2026.11.03\nИванова Мария\n"


@pytest.mark.parametrize(
    ("caption", "scenario"),
    [
        (f"{HEAD}Заря\nотель\nлобби\nКазань", "design"),
        (f"{HEAD}Петров Иван\nотель\nЗаря", None),
        (f"{HEAD}Петров Иван\nцентр здоровья при отеле\nЗаря", "interview"),
        (f"{HEAD}Заря\nотель\nлобби\nКазань\nи ещё строка", None),
        ("просто подпись", None),
        ("", None),
    ],
)
def test_only_lines_without_a_fault_tell_and_only_when_they_fit_one(caption: str, scenario: str | None) -> None:
    assert scenario_of_caption(caption, SCENARIOS, TODAY) == scenario


@given(st.text(max_size=300))
def test_any_caption_is_one_of_them_or_none(caption: str) -> None:
    assert scenario_of_caption(caption, SCENARIOS, TODAY) in {*SCENARIOS, None}
