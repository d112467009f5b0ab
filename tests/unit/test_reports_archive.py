"""Lists of reports: when they are good, which reports they have, how they are saved, what is drawn of them."""

import csv
import io
import json
import zipfile
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import IndexPoint, IndexValue, ReportFile, ReportId, ReportRunId, ScenarioId
from default_pack import PACK
from markups.callback_data import Action
from markups.my_reports import stale_list
from prompt_pack.manifest import RESERVED_IDS
from report_folder.index import ReportIndex
from reports.archive_about import ReportAbout, listed
from reports.archive_charts import (
    TrendBy,
    axis_of,
    days_named,
    months_chart,
    reports_per_month,
    trend,
    trend_chart,
    trend_indices,
    trend_types,
)
from reports.archive_export import list_text, to_csv, to_json, to_xlsx
from reports.archive_filters import (
    ReportFilter,
    filter_lines,
    filtered,
    is_fresh,
    minutes_of,
    scenarios_of,
    snapshot_of,
    types_of,
)
from screens import nasty_text

HERE = datetime.now().astimezone().tzinfo
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=HERE)
FIVE = timedelta(minutes=5)


def report(number: int = 1, **changes: object) -> ReportFile:
    given_ = {
        "id": ReportRunId(uuid4()),
        "number": number,
        "title": "Отель «Заря», связки",
        "recording_number": 17,
        "recording_file_name": "интервью 17.ogg",
        "report_id": "report_int_links",
        "scenario": "interview",
        "label": "2) Отчет о связках",
        "created_at": NOON - timedelta(days=number),
        "size_bytes": 1500,
        "tokens": 400,
        **changes,
    }
    return ReportFile.model_validate(given_)


def point(number: int, day: date, employee: str | None, **values: float | str | None) -> IndexPoint:
    indices = tuple(IndexValue(name=name, label=name.upper(), value=value) for name, value in values.items())
    return IndexPoint(
        number=number,
        report_id=ReportId("report_int_links"),
        day=day,
        employee=employee,
        place="Заря",
        indices=indices,
    )


def test_every_button_of_reports_is_reserved_from_the_ids_of_reports() -> None:
    assert {each.value for each in Action if each.startswith("report_")} <= RESERVED_IDS


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_snapshot_is_good_from_its_time_until_it_is_too_old(age: timedelta) -> None:
    assert is_fresh(snapshot_of([1], NOON), NOON + age, FIVE) == (timedelta() <= age <= FIVE)


@pytest.mark.parametrize(
    ("lasts", "told"), [(60, ">1 минуты"), (300, ">5 минут"), (1260, ">21 минуты"), (90, ">2 минут")]
)
def test_how_old_a_list_may_be_is_told_as_it_is_set(lasts: int, told: str) -> None:
    assert told.replace(">", "&gt;") in stale_list(minutes_of(timedelta(seconds=lasts))).text


def test_minutes_are_at_least_one() -> None:
    assert minutes_of(timedelta(seconds=5)) == 1


REPORTS = [
    report(1, title="Ёлка и завтрак"),
    report(2, report_id="report_int_general", label="3) Общие факторы"),
    report(3, report_id="report_design_compliance", label="2) Соответствие", scenario="design"),
    report(4, report_id="report_design_compliance", label="2) Соответствие", scenario=None),
    report(5, report_id="report_gone", label="Старый", scenario=None),
]
LINES = ReportIndex(next_number=6, reports=REPORTS).reports
ABOUTS = {
    1: ReportAbout(place="Заря", employee="Иванова Мария", recorded_on=date(2026, 11, 3)),
    2: ReportAbout(place="Волга"),
    3: ReportAbout(place="Заря"),
}


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (ReportFilter(), [1, 2, 3, 4, 5]),
        (ReportFilter(first=date(2026, 11, 19)), [1, 2]),
        (ReportFilter(last=date(2026, 11, 17)), [4, 5]),
        (ReportFilter(first=date(2026, 11, 18), last=date(2026, 11, 19)), [2, 3]),
        (ReportFilter(first=date.min, last=date.max), [1, 2, 3, 4, 5]),
        (ReportFilter(first=date.max), []),
        (ReportFilter(last=date.min), []),
        (ReportFilter(title="ЕЛКА"), [1]),
        (ReportFilter(report_id=ReportId("report_int_general")), [2]),
        (ReportFilter(scenario=ScenarioId("design")), [3, 4]),
        (ReportFilter(scenario=ScenarioId("design"), title="ёлка"), []),
        (ReportFilter(place="Заря"), [1, 3]),
        (ReportFilter(place="Заря", employee="Иванова Мария"), [1]),
        (ReportFilter(employee="Никто"), []),
    ],
)
def test_only_what_fits_the_filter_is_shown(wanted: ReportFilter, numbers: list[int]) -> None:
    assert [each.number for each in filtered(LINES, wanted, PACK, ABOUTS)] == numbers


def test_types_and_scenarios_are_those_that_are_there() -> None:
    assert [label for _, label in types_of(LINES)] == [
        "2) Отчет о связках",
        "2) Соответствие",
        "3) Общие факторы",
        "Старый",
    ]
    lines = ReportIndex(next_number=7, reports=[*REPORTS, report(6, scenario="lab")]).reports
    assert [id_ for id_, _ in scenarios_of(lines, PACK)] == [
        "interview",
        "design",
        "lab",
    ]


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (ReportFilter(), []),
        (ReportFilter(first=date(2026, 11, 3), last=date(2026, 11, 3)), ["03.11.2026"]),
        (ReportFilter(first=date(2026, 11, 3), last=date(2026, 11, 9)), ["с 03.11.2026 по 09.11.2026"]),
        (ReportFilter(last=date(2026, 11, 9), title="завтрак"), ["по 09.11.2026", "в названии «завтрак»"]),
        (ReportFilter(report_id=ReportId("report_int_general")), ["3) Общие факторы"]),
        (ReportFilter(scenario=ScenarioId("gone"), report_id=ReportId("gone")), ["gone", "gone"]),
        (ReportFilter(place="Заря", employee="Иванова М."), ["заведение: Заря", "сотрудник: Иванова М."]),
    ],
)
def test_a_filter_is_told_in_words(wanted: ReportFilter, lines: list[str]) -> None:
    assert list(filter_lines(wanted, LINES, PACK)) == lines


@given(nasty_text)
def test_whatever_a_title_is_the_list_keeps_its_lines(title: str) -> None:
    text = list_text([report(title=title)], NOON).decode()
    assert len(text.splitlines()) == 12
    assert text.startswith("СПИСОК ОТЧЕТОВ\nДата экспорта: 21.11.2026 12:00\nВсего: 1 отчет\n")


@given(nasty_text)
def test_a_table_for_spreadsheets_comes_back_and_calculates_nothing(title: str) -> None:
    table = to_csv(listed([report(title=title)], ABOUTS, PACK)).decode("utf-8-sig")
    [head, row] = list(csv.reader(io.StringIO(table), delimiter=";"))
    assert head[:6] == ["Номер", "Дата", "Название", "Дата записи", "Заведение", "Сотрудник"]
    assert row[3:6] == ["03.11.2026", "Заря", "Иванова Мария"]
    assert len(row) == len(head)
    assert not row[2].startswith(("=", "+", "-", "@"))


def test_a_formula_in_a_title_is_text_in_both_tables() -> None:
    formula = listed([report(title="=HYPERLINK(1)")], ABOUTS, PACK)
    assert "'=HYPERLINK(1)" in to_csv(formula).decode("utf-8-sig")
    with zipfile.ZipFile(io.BytesIO(to_xlsx(formula))) as book:
        assert b"=HYPERLINK(1)" in book.read("xl/sharedStrings.xml")
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_a_list_for_programs_has_numbers_and_iso_times() -> None:
    [first, row] = json.loads(to_json(listed([report(1), report(5)], ABOUTS, PACK)))
    assert [first[name] for name in ("place", "employee", "recorded_on", "kind")] == [
        "Заря",
        "Иванова Мария",
        "2026-11-03",
        "Интервью",
    ]
    assert row["place"] is None
    assert (row["number"], row["title"], row["size_bytes"]) == (5, "Отель «Заря», связки", 1500)
    assert datetime.fromisoformat(row["created_at"]) == NOON - timedelta(days=5)
    assert "id" not in row


def test_months_without_reports_are_shown_as_none() -> None:
    days = [datetime(2025, 12, 5, tzinfo=HERE), datetime(2026, 2, 1, tzinfo=HERE), datetime(2026, 2, 9, tzinfo=HERE)]
    months = reports_per_month([report(number, created_at=day) for number, day in enumerate(days, 1)])
    assert dict(months) == {(2025, 12): 1, (2026, 1): 0, (2026, 2): 2}
    assert reports_per_month([]) == {}


POINTS = [
    point(1, date(2026, 11, 1), "Анна", итог=80, вывод="хорошо", пусто=None),
    point(2, date(2026, 11, 2), "Борис", итог=60.5),
    point(3, date(2026, 11, 3), "Анна", итог=90),
    point(4, date(2026, 11, 4), None, вывод="плохо"),
    point(5, date(2026, 11, 5), None, другой=1),
]


def test_only_numbers_can_be_drawn_over_time() -> None:
    links = ReportId("report_int_links")
    assert trend_types(POINTS) == [links]
    assert trend_types([POINTS[3]]) == []
    assert trend_indices(POINTS, links) == [("итог", "ИТОГ"), ("другой", "ДРУГОЙ")]
    assert trend_indices(POINTS, ReportId("report_other")) == []


def test_who_has_the_most_reports_comes_first() -> None:
    links = ReportId("report_int_links")
    assert list(trend(POINTS, links, "итог", TrendBy.EMPLOYEE).items()) == [
        ("Анна", [(date(2026, 11, 1), 80.0), (date(2026, 11, 3), 90.0)]),
        ("Борис", [(date(2026, 11, 2), 60.5)]),
    ]
    assert list(trend(POINTS, links, "итог", TrendBy.PLACE)) == ["Заря"]
    assert list(trend(POINTS, links, "другой", TrendBy.EMPLOYEE)) == ["не указано"]


@pytest.mark.parametrize("months", [1, 12, 30, 60])
def test_reports_per_month_are_a_picture(months: int) -> None:
    counts = {(2020 + each // 12, each % 12 + 1): each % 5 for each in range(months)}
    assert months_chart(counts).startswith(b"\x89PNG")


@given(st.sets(st.integers(739_000, 742_000), min_size=1), st.floats(1, 400))
def test_dates_on_the_axis_have_room_and_none_is_named_that_has_no_point(days: set[int], least: float) -> None:
    named = days_named(sorted(days), least)
    assert named[0] == min(days)
    assert set(named) <= days
    assert all(later - earlier >= least for earlier, later in pairwise(named))
    gaps = [min(day - each for each in named if each <= day) for day in days]
    assert max(gaps) < least + 1, "what is not named is near a day that is"


@given(st.lists(st.integers(739_000, 740_500), min_size=1, max_size=40))
def test_forty_days_have_an_axis_that_fits_them(days: list[int]) -> None:
    first, last, named = axis_of(set(days))
    span = max(days) - min(days)
    assert first < min(days) <= max(days) < last
    assert last - first >= 14, "points of one day do not lie on an axis of hours"
    assert last - first <= max(14, span * 1.07, span + 2), "nor on one of centuries"
    assert 1 <= len(named) <= 8


@pytest.mark.parametrize("people", [1, 12])
def test_a_trend_is_a_picture_whatever_people_are_called(people: int) -> None:
    day = date(2026, 11, 3)
    lines = {f"_$x^2$ {each} \x07" + "я" * 80: [(day, float(each)), (day, -1.0)] for each in range(people)}
    assert trend_chart("Итог $", TrendBy.EMPLOYEE, lines).startswith(b"\x89PNG")
