"""What a caption tells of the scenario."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import RecordingMetadata, ScenarioId
from metadata.fields import problems_of_caption, scenario_of_caption
from metadata.parsing import parse_caption

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
        ("12\n31.02.2026\nИванова Мария\nЗаря\nотель\nлобби\nКазань", "design"),
        ("12\n31.02.2026\nИванова Мария\nПетров Иван\nбассейн при отеле\nЗаря", "interview"),
        (f"{HEAD}", None),
        ("просто подпись", None),
        ("", None),
    ],
)
def test_a_caption_tells_the_scenario_that_it_fits_best_if_one_does(caption: str, scenario: str | None) -> None:
    assert scenario_of_caption(caption, SCENARIOS, TODAY) == scenario


@given(st.text(max_size=300))
def test_any_caption_is_one_of_them_or_none(caption: str) -> None:
    assert scenario_of_caption(caption, SCENARIOS, TODAY) in {*SCENARIOS, None}


def test_what_could_not_be_read_is_told_unless_it_is_known_otherwise() -> None:
    caption = "без числа\n31.02.2026\nИванова Мария\nЗаря\nотель\nлобби\nКазань"
    known = RecordingMetadata(audio_number=12)
    (problem,) = problems_of_caption(caption, ScenarioId("design"), known, TODAY)
    assert (problem.field, problem.reason) == ("дата", "даты 31.02.2026 нет в календаре")
    assert problems_of_caption(" ", ScenarioId("design"), known, TODAY) == ()


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        ("Гранд Отель «Заря», интервью, Иванова Мария, 17.05.2025", ["номер файла", "подпись"]),
        ("Запись 17; Иванова Мария", ["подпись"]),
        ("Запись 17", []),
        ("17\n2026.11.03\nИванова Мария, стажёр", []),
    ],
)
def test_what_one_line_tells_beside_the_number_is_said_to_be_left(caption: str, told: list[str]) -> None:
    problems = problems_of_caption(caption, ScenarioId("interview"), RecordingMetadata(), TODAY)
    assert [each.field for each in problems] == told
    assert all(caption in each.reason for each in problems if each.field == "подпись")
    assert problems_of_caption(caption, ScenarioId("meeting"), RecordingMetadata(), TODAY) == ()


@pytest.mark.parametrize(
    ("caption", "number", "day"),
    [
        ("12.11 интервью с гостем", None, date(2026, 11, 12)),
        ("Запись 17 от 3 ноября", 17, date(2026, 11, 3)),
        ("17", 17, None),
        ("17\nинтервью", 17, None),
    ],
)
def test_a_caption_of_one_line_tells_number_and_day(caption: str, number: int | None, day: date | None) -> None:
    found = parse_caption(caption, "interview", TODAY).metadata
    assert (found.audio_number, found.recorded_on) == (number, day)


def test_lines_that_a_caption_has_not_are_no_mistakes_in_it() -> None:
    problems = problems_of_caption("12\n31.02.2026", ScenarioId("interview"), RecordingMetadata(), TODAY)
    assert [each.field for each in problems] == ["дата"]
