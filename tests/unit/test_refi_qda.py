"""REFI-QDA projects: valid by the format's rules, and every coding selects the words of its quote."""

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refi_qda_files import opened
from reports.across.values import Subject
from reports.takeout.refi_qda import Case, CodedQuote, Project, codings_of, place_of

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
TEXT = (
    "Расшифровка: a.ogg\n\n[00:05] Клиент: Тихо, очень тихо.\n\n"
    "[01:02:03] Клиент: Завтрак 😀 хороший. Тихо, очень тихо.\n"
)
QUIET = ("Факторы", "Номер", "Тишина")
FOOD = ("Факторы", "Номер", "Еда")


def case(number: int, *quotes: CodedQuote, text: str = TEXT, name: str = "17 интервью", place: str = "Заря") -> Case:
    facts: dict[str, str | date] = {"Дата": date(2026, 11, 3), "Место": place}
    return Case(UUID(int=number), name, NOW, text, facts, quotes)


def written(path: Path, *cases: Case) -> int:
    with closing(Project(path, "Анна", NOW)) as project:
        for each in cases:
            project.add(each)
        project.finish()
    return project.lost


def test_a_project_has_sources_cases_codes_and_codings(tmp_path: Path) -> None:
    path = tmp_path / "a.qdpx"
    first = case(1, CodedQuote(QUIET, "Тихо, очень тихо", 5), CodedQuote(FOOD, "Завтрак 😀 хороший", 3723))
    second = case(2, CodedQuote(QUIET, "тихо  ОЧЕНЬ тихо", 3723), name="18 ещё")
    assert written(path, first, second) == 0
    project = opened(path)
    assert project.codings == [
        ("Факторы / Номер / Тишина", "Тихо, очень тихо"),
        ("Факторы / Номер / Еда", "Завтрак 😀 хороший"),
        ("Факторы / Номер / Тишина", "Тихо, очень тихо"),
    ]
    assert project.cases == {
        "17 интервью": {"Дата": "2026-11-03", "Место": "Заря"},
        "18 ещё": {"Дата": "2026-11-03", "Место": "Заря"},
    }
    assert project.texts["17 интервью"] == TEXT


def test_what_is_not_in_the_transcript_is_not_coded_but_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.qdpx"
    assert written(path, case(1, CodedQuote(QUIET, "бассейн", 5), CodedQuote(QUIET, "…", 5))) == 2
    assert opened(path).codings == []


def test_a_project_of_nothing_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "a.qdpx"
    assert written(path) == 0
    assert opened(path).cases == {}


@pytest.mark.parametrize(("start", "found"), [(5.0, 0), (3723.0, 1), (3000.0, 1), (0.0, 0)])
def test_of_several_places_the_nearest_in_time_is_taken(start: float, found: int) -> None:
    places = [TEXT.index("Тихо, очень"), TEXT.rindex("Тихо, очень")]
    place = place_of(TEXT, "Тихо, очень тихо", start)
    assert place is not None
    assert place[0] == places[found]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(min_size=1), st.text())
def test_whatever_is_said_and_named_the_project_is_valid(tmp_path: Path, said: str, name: str, place: str) -> None:
    path = tmp_path / "any.qdpx"
    written(path, case(1, CodedQuote((name, place or "x"), said, 0), text=f"[00:00] {said}", name=name, place=place))
    opened(path)


def test_items_are_coded_by_report_category_and_factor() -> None:
    subject = Subject(
        report_id="r",
        report="3) Факторы",
        pass_id="p",  # noqa: S106
        name="factor",
        label="factor_label",
        category="category_label",
        quotes="quotes",
    )
    items: list[dict[str, object]] = [
        {
            "factor": "a",
            "factor_label": "Тишина",
            "category_label": "Номер",
            "quotes": [{"text": "тихо", "time": "12:41"}],
        },
        {"factor": "b", "quotes": [{"text": "рано"}, {"time": "1:00"}, "не цитата"]},
        {"factor": "c", "quotes": None},
    ]
    assert list(codings_of(items, subject)) == [
        CodedQuote(("Факторы", "Номер", "Тишина"), "тихо", 761.0),
        CodedQuote(("Факторы", "b"), "рано", 0.0),
    ]
