"""The counting rules of «По всем интервью»: factors, trend, saturation, and what can be counted and chosen."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import BuildingType, RecordingId, ReportRunId, UserId
from default_pack import PACK
from reports.across.choices import chosen, fits, id_choice, named, overview, period_of
from reports.across.counting import counted, key_of, saturation, trend
from reports.across.subjects import FactorNames, subjects_of
from reports.across.values import Interview, Kind, Mention, Trend, Wanted

ANNA = UserId(UUID(int=1))
FIRST_DAY = date(2026, 1, 15)
TODAY = date(2026, 11, 29)
LABELS = ("Завтрак", "Тихий номер", "Wi-Fi", "Парковка", "Цена", "Вид из окна")


def interview(number: int, day: date = FIRST_DAY, place: UUID | None = None) -> Interview:
    return Interview(
        run_id=ReportRunId(UUID(int=number)),
        recording_id=RecordingId(UUID(int=1000 - number)),
        owner=ANNA,
        owner_name="Анна",
        number=number,
        day=day,
        came=datetime(2026, 11, 1, tzinfo=UTC),
        place_id=place,
        place=None if place is None else "Заря",
    )


def mention(label: str) -> Mention:
    return Mention(key_of(label), label, label, "Сервис")


def told(*named: Sequence[str]) -> Mapping[Interview, Sequence[Mention]]:
    """Interviews of one day each, in order, and the factors that each names."""
    return {
        interview(number, FIRST_DAY + timedelta(days=number)): [mention(label) for label in labels]
        for number, labels in enumerate(named, 1)
    }


@st.composite
def archives(draw: st.DrawFn) -> Mapping[Interview, Sequence[Mention]]:
    days = draw(st.lists(st.integers(0, 400), max_size=25))
    labels = st.lists(st.sampled_from(LABELS), max_size=8)
    return {
        interview(number, FIRST_DAY + timedelta(days=day)): [mention(label) for label in draw(labels)]
        for number, day in enumerate(days, 1)
    }


@given(archives())
def test_a_factor_counts_the_interviews_that_name_it_each_once(archive: Mapping[Interview, Sequence[Mention]]) -> None:
    result = counted(archive)
    for factor in result.factors:
        naming = {each for each, mentions in archive.items() if factor.label in [mention.label for mention in mentions]}
        assert {result.interviews[place] for place in factor.mentioned_in} == naming
        assert factor.count == len(naming) == sum(factor.by_month)
    assert {factor.label for factor in result.factors} == {
        mention.label for mentions in archive.values() for mention in mentions
    }
    counts = [factor.count for factor in result.factors]
    assert counts == sorted(counts, reverse=True)


@given(archives(), st.randoms())
def test_in_which_order_interviews_are_read_changes_nothing(
    archive: Mapping[Interview, Sequence[Mention]], random: Random
) -> None:
    items = list(archive.items())
    random.shuffle(items)
    assert counted(dict(items)) == counted(archive)


def test_interviews_of_one_moment_follow_their_numbers() -> None:
    one_day = {interview(number): [mention("Завтрак")] for number in (2, 1, 3)}
    assert [each.number for each in counted(one_day).interviews] == [1, 2, 3]


@given(archives())
def test_new_factors_add_up_to_all_in_the_order_of_days(archive: Mapping[Interview, Sequence[Mention]]) -> None:
    result = counted(archive)
    assert [each.day for each in result.interviews] == sorted(each.day for each in archive)
    known: set[str] = set()
    for each, new in zip(result.interviews, result.new, strict=True):
        before = len(known)
        known |= {mention.key for mention in archive[each]}
        assert new == len(known) - before
    assert sum(month.interviews for month in result.months) == len(archive)


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("Тихий номер", "тихие номера", True),
        ("Тихий номер", "ТИХОГО  НОМЕРА!", True),
        ("Ёлка в лобби", "елки в лобби", True),
        ("Тихий номер", "не тихий номер", False),
        ("Тихий номер", "номер тихий", False),
        ("Завтрак", "Завтрак с 7 до 10", False),
        ("!!!", "???", False),
    ],
)
def test_forms_and_case_make_no_other_factor(one: str, other: str, are_one: bool) -> None:
    assert (key_of(one) == key_of(other)) is are_one


def test_the_most_frequent_spelling_is_shown() -> None:
    result = counted(told(["тихие номера", "Тихий номер"], ["Тихий номер"], ["тихие номера"], ["Тихий номер"]))
    [factor] = result.factors
    assert (factor.label, factor.count, factor.names) == ("Тихий номер", 4, frozenset(["тихие номера", "Тихий номер"]))


@pytest.mark.parametrize(
    ("interviews", "mentions", "expected"),
    [
        ([10, 10, 10], [1, 5, 9], Trend.RISING),
        ([10, 10, 10], [9, 5, 1], Trend.FALLING),
        ([10, 10, 10], [5, 5, 5], Trend.STEADY),
        ([10, 10, 10], [3, 5, 7], Trend.STEADY),  # z = 1.79: as much happens by chance in 7 of 100
        ([10, 10, 10], [0, 0, 0], Trend.STEADY),
        ([4, 4, 4], [4, 4, 4], Trend.STEADY),
        ([10, 10], [1, 9], Trend.TOO_FEW),  # two months
        ([4, 4, 3], [0, 2, 3], Trend.TOO_FEW),  # eleven interviews
        ([10, 10, 10], [0, 0, 4], Trend.TOO_FEW),  # four with the factor
        ([10, 10, 10], [10, 10, 6], Trend.TOO_FEW),  # four without it
    ],
)
def test_a_trend_is_told_when_there_is_enough_to_tell(
    interviews: Sequence[int], mentions: Sequence[int], expected: Trend
) -> None:
    assert trend(interviews, mentions, [9, 10, 11][: len(interviews)]) is expected


def test_a_trend_goes_by_the_calendar_and_not_by_the_row() -> None:
    """z is 2.51 with months in a row, and 2.88 when the last is half a year later."""
    assert trend([8, 8, 8], [2, 2, 7], [1, 2, 3]) is Trend.STEADY
    assert trend([8, 8, 8], [2, 2, 7], [1, 2, 9]) is Trend.RISING


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=12))
def test_time_that_runs_backwards_turns_a_trend(months: list[tuple[int, float]]) -> None:
    interviews = [count for count, _ in months]
    mentions = [round(count * share) for count, share in months]
    turned = {Trend.RISING: Trend.FALLING, Trend.FALLING: Trend.RISING}
    numbers = list(range(len(months)))
    forth, back = trend(interviews, mentions, numbers), trend(interviews[::-1], mentions[::-1], numbers)
    assert back is turned.get(forth, forth)


@pytest.mark.parametrize(
    ("new", "is_known", "reached_at"),
    [
        ([], False, None),
        ([9, 9, 1, 1, 0, 0], False, None),  # six interviews
        ([0, 0, 0, 0, 3, 0, 0, 0], False, None),  # nothing to compare with
        ([9, 9, 1, 1, 0, 0, 0], True, 7),
        ([9, 9, 1, 1, 1, 0, 0], True, 7),  # one of twenty is five percent
        ([9, 9, 1, 1, 1, 1, 0], True, None),
        ([9, 9, 1, 1, 1, 1, 0, 0, 0], True, 8),
        ([9, 9, 1, 1, 0, 0, 0, 2], True, None),  # it was, and is no more
        ([9, 9, 1, 1, 0, 0, 0, 2, 0, 0, 0], True, 11),
    ],
)
def test_saturation_is_reached_when_every_run_since_brings_little(
    new: Sequence[int], is_known: bool, reached_at: int | None
) -> None:
    found = saturation(new)
    assert (found.is_known, found.reached_at) == (is_known, reached_at)


def test_both_reports_on_factors_can_be_counted_and_no_free_lists() -> None:
    assert [(each.report_id, each.pass_id, each.name) for each in subjects_of(PACK)] == [
        ("report_int_general", "mentioned", "factor"),
        ("report_int_specific", "factors", "factor"),
    ]


@pytest.mark.parametrize("building", BuildingType)
def test_no_two_factors_of_a_taxonomy_are_counted_as_one(building: BuildingType) -> None:
    taxonomy = PACK.report("report_int_general").plan(building).taxonomy
    assert taxonomy is not None
    keys = [key_of(factor.label) for factor in taxonomy.factors.values()]
    assert len(set(keys)) == len(keys)


def test_a_factor_has_its_label_of_today_and_one_that_is_gone_that_of_its_report() -> None:
    names = FactorNames(PACK, subjects_of(PACK)[0])
    listed = '[["srv_breakfast", "Завтраки (старое)", "Старое"], ["gone", "Телефон", "Техника"], [null, null, null]]'
    found = names.mentions(BuildingType.HOTEL, listed)
    assert [(each.name, each.label, each.category) for each in found] == [
        ("srv_breakfast", "Завтрак", "Сервис"),
        ("gone", "Телефон", "Техника"),
    ]
    assert not names.mentions(BuildingType.HOTEL, "null")


def test_choices_of_a_kind_fit_what_is_chosen_of_the_others() -> None:
    zarya, volna = uuid4(), uuid4()
    october, november = date(2026, 10, 31), date(2026, 11, 1)
    other = interview(3, november, volna).model_copy(update={"place": "Волна"})
    every = [interview(1, october, zarya), interview(2, november, zarya), other]
    wanted = chosen(Wanted(), Kind.PERIOD, "m202610", TODAY)
    wanted = chosen(wanted, Kind.PLACE, id_choice(zarya), TODAY)
    shown = overview(subjects_of(PACK), None, wanted, every)
    assert shown.interviews == 1
    assert [(each.id, each.interviews) for each in shown.choices[Kind.PLACE]] == [(id_choice(zarya), 1)]
    assert [(each.id, each.label) for each in shown.choices[Kind.PERIOD]] == [
        ("m202611", "ноябрь 2026"),
        ("m202610", "октябрь 2026"),
    ]
    assert shown.conditions == ["Заведение: Заря", "Период: с 01.10.2026 по 31.10.2026"]


def test_places_of_one_name_are_told_apart_by_their_types() -> None:
    every = [
        interview(number, FIRST_DAY, place).model_copy(update={"place_building": building})
        for number, (place, building) in enumerate([(uuid4(), "hotel"), (uuid4(), "")], 1)
    ]
    shown = overview(subjects_of(PACK), None, Wanted(place=every[0].place_id), every)
    assert shown.conditions == ["Заведение: Заря (отель)"]
    labels = [each.label for each in shown.choices[Kind.PLACE]]
    assert labels == ["Заря (отель)", "Заря (тип не указан)"]
    assert named(shown.choices[Kind.PLACE], " заря  (ОТЕЛЬ)") == shown.choices[Kind.PLACE][0]
    assert named(shown.choices[Kind.PLACE], "Заря") is None


@pytest.mark.parametrize(
    ("choice", "day", "is_in"),
    [
        (period_of(30), date(2026, 10, 31), True),
        (period_of(30), date(2026, 10, 30), False),
        (period_of(30), TODAY, True),
        ("m202602", date(2026, 2, 28), True),
        ("m202602", date(2026, 3, 1), False),
        ("m202612", date(2026, 12, 31), True),
    ],
)
def test_a_period_has_its_first_and_last_day(choice: str, day: date, is_in: bool) -> None:
    assert fits(interview(1, day), chosen(Wanted(), Kind.PERIOD, choice, TODAY)) is is_in


@pytest.mark.parametrize(
    ("kind", "choice"),
    [
        (Kind.PERIOD, "m202613"),
        (Kind.PERIOD, "d"),
        (Kind.PERIOD, "dx"),
        (Kind.PERIOD, "d99999999"),
        (Kind.PERIOD, "d31"),
        (Kind.PERIOD, "a1"),
        (Kind.PLACE, "m202611"),
        (Kind.EMPLOYEE, "axyz"),
        (Kind.BUILDING, "castle"),
    ],
)
def test_a_choice_that_no_button_has_is_no_choice(kind: Kind, choice: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says, the button is outdated
        chosen(Wanted(), kind, choice, TODAY)
