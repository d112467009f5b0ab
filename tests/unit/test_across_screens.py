"""Screens, files and the chart of «По всем интервью», also with 200 factors and names that try to break them."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from docx import Document
from hypothesis import given
from PIL import Image

from datamodels import RecordingId, ReportId, ReportRunId, Segment, UserId
from markups.across import (
    choice_screen,
    factor_screen,
    factor_word,
    interviews_on,
    kind_choice,
    passage_screen,
    result_screen,
)
from reports.across.charts import across_chart
from reports.across.choices import overview
from reports.across.counting import counted
from reports.across.document import as_docx, as_json, as_markdown, percent
from reports.across.values import Choice, Interview, Kind, Mention, Passage, Result, Said, Subject, Wanted
from reports.evidence import Quote
from screens import NASTY, check, drawn, nasty_text

ANNA, BORIS = UserId(UUID(int=1)), UserId(UUID(int=2))
TODAY = date(2026, 11, 29)
SUBJECT = Subject(
    report_id=ReportId("report_int_general"),
    report="3) Общие факторы",
    pass_id="mentioned",  # noqa: S106  # a pass of a report
    name="factor",
    label="factor_label",
    category="category_label",
    quotes="quotes",
)


def interview(number: int, name: str = "Анна") -> Interview:
    return Interview(
        run_id=ReportRunId(UUID(int=number)),
        recording_id=RecordingId(UUID(int=number)),
        owner=ANNA,
        owner_name=name,
        number=number,
        day=date(2026, 1, 1) + timedelta(days=10 * number),
        came=datetime(2026, 11, 1, tzinfo=UTC),
        place_id=UUID(int=7),
        place=name,
    )


def result(labels: Sequence[str], interviews: int = 1, conditions: Sequence[str] = ()) -> Result:
    """Counts of interviews that name all these factors; Boris asks."""
    mentions = [Mention(f"{place} {label}", label, label, label) for place, label in enumerate(labels)]
    return Result(SUBJECT, conditions, BORIS, counted({interview(each): mentions for each in range(1, interviews + 1)}))


@given(nasty_text, nasty_text)
def test_no_name_breaks_a_screen(label: str, name: str) -> None:
    shown = result([label, "Завтрак"], conditions=[name])
    factor = shown.counted.factors[0]
    said = [Said(interview(1, name), [Quote(label, name, 5.0)] * 20)]
    choices = [Choice("m202611", name, 3)]
    segments = [Segment(start=1, end=2, text=label, role=name)] * 6
    for screen in (
        result_screen(shown, 1),
        factor_screen(shown, factor, said, 1),
        kind_choice(Kind.PERIOD, choices, 1),
        passage_screen(Passage(17, ANNA, name, segments), 5, BORIS),
        choice_screen(overview([SUBJECT], SUBJECT, Wanted(place=UUID(int=7)), [interview(1, name)])),
    ):
        check(screen)


def test_two_hundred_factors_are_turned_by_pages() -> None:
    shown = result([f"Очень длинное название фактора, которое не помещается в строку, {n:03}" for n in range(200)])
    first, last = drawn(result_screen(shown, 1)), drawn(result_screen(shown, 99))
    assert "Страница 1 из 20." in first
    assert "[1] [2] [3] [4] [5]\n[6] [7] [8] [9] [10]\n[▶]\n" in first
    assert "Страница 20 из 20." in last
    assert "[196] [197] [198] [199] [200]\n[◀]\n" in last
    words = {factor_word(factor) for factor in shown.counted.factors}
    assert len(words) == 200


def test_the_quotes_of_a_factor_are_turned_by_interviews_the_latest_first() -> None:
    shown = result(["Завтрак"], interviews=12)
    [factor] = shown.counted.factors
    assert [each.number for each in interviews_on(shown, factor, 1)] == [12, 11, 10, 9, 8]
    assert [each.number for each in interviews_on(shown, factor, 3)] == [2, 1]
    said = [Said(each, [Quote("завтрак", "Клиент", 65.0)]) for each in interviews_on(shown, factor, 3)]
    assert drawn(factor_screen(shown, factor, said, 3)) == (
        "<b>Завтрак</b>\nЗавтрак · 12 из 12 интервью (100 %). По месяцам: без изменений.\n\n"
        "1. «завтрак»\n— запись №2 (Анна), 21.01.2026, Клиент, 01:05\n\n"
        "2. «завтрак»\n— запись №1 (Анна), 11.01.2026, Клиент, 01:05\n\n"
        "Цитаты из интервью 11–12 из 12, новые сверху. Нажмите номер, чтобы увидеть место в разговоре.\n"
        "[1] [2]\n[◀]\n[« К факторам]"
    )


@pytest.mark.parametrize(
    ("count", "of", "expected"), [(1, 3, 33), (2, 3, 67), (1, 8, 13), (1, 200, 1), (0, 5, 0), (5, 5, 100), (0, 0, 0)]
)
def test_a_share_is_rounded_half_up(count: int, of: int, expected: int) -> None:
    assert percent(count, of) == expected


@pytest.mark.filterwarnings("ignore:Glyph")  # emoji are boxes in charts
@pytest.mark.parametrize("label", [*NASTY, "цена | $5 и $6 | _вид_"])
def test_no_name_breaks_a_file_or_the_chart(label: str) -> None:
    shown = result([label, "Завтрак"], interviews=8, conditions=[label])
    said = {factor.key: [Said(interview(1, label), [Quote(label, label, 5.0)])] for factor in shown.counted.factors}
    tables = Document(io.BytesIO(as_docx(shown, said, TODAY))).tables
    facts, *counted = tables
    assert [len(table.rows) for table in counted] == [3, 2]
    assert {len(row.cells) for row in counted[0].rows} == {6}
    assert len(facts.rows) >= 3
    assert len(json.loads(as_json(shown, said, TODAY))["factors"]) == 2
    assert as_markdown(shown, said, TODAY)
    assert across_chart(shown.counted).startswith(b"\x89PNG")


@pytest.mark.parametrize(("factors", "interviews"), [(0, 0), (1, 1), (200, 30)])
def test_the_chart_fits_a_phone_whatever_is_counted(factors: int, interviews: int) -> None:
    shown = result(
        [f"Очень длинное название фактора, которое не помещается в строку, {n:03}" for n in range(factors)], interviews
    )
    with Image.open(io.BytesIO(across_chart(shown.counted))) as picture:
        assert picture.width == 1200
        assert picture.height <= 1500
