"""The screens of reports as people see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import markups.reports
from default_pack import PACK
from prompt_pack.pack import ReportPack
from screens import check, drawn, nasty_text


@pytest.fixture(scope="module")
def pack() -> ReportPack:
    return PACK


def test_the_menu_has_the_scenarios_reports_by_their_own_callbacks(pack: ReportPack) -> None:
    screen = markups.reports.reports_menu(12, "interview_17.ogg", pack.reports("interview"))
    assert drawn(screen) == (
        "📊 <b>Отчёты по записи №12</b>\ninterview_17.ogg\n\nКакой отчёт подготовить?\n"
        "[1) Оценка методологии интервью]\n"
        "[2) Отчет о связках]\n"
        "[3) Общие факторы]\n"
        "[4) Факторы в этом заведении]\n"
        "[5) Анализ работы сотрудника]\n"
        "[6) Стимул – восприятие – последствие]\n"
        "[Все отчёты сразу]\n"
        "[Только расшифровка]\n"
        "[« Назад]"
    )
    assert screen.keyboard[0][0].data == "report_int_methodology||12"


def test_a_note_stands_above_the_menu(pack: ReportPack) -> None:
    screen = markups.reports.reports_menu(12, "a.ogg", pack.reports("design"), "✅ Данные записи №12 сохранены.")
    assert screen.text.startswith("✅ Данные записи №12 сохранены.\n\n📊")


@pytest.mark.parametrize("wanted", [3, markups.reports.ALL_REPORTS])
def test_the_building_type_is_asked_for_a_report_or_all(wanted: int | str) -> None:
    screen = markups.reports.choose_building(12, wanted)
    assert drawn(screen) == "Выберите тип заведения:\n[Отель] [Ресторан] [Центр здоровья]\n[« Назад]"
    assert screen.keyboard[0][0].data == f"choose_building||hotel||12||{wanted}"


def test_without_a_language_model_the_transcript_is_still_there() -> None:
    assert drawn(markups.reports.no_language_model(12)).endswith("[📦 Открыть запись]")


@given(name=nasty_text, number=st.integers(1, 2**31 - 1))
def test_any_name_and_number_fit(pack: ReportPack, name: str, number: int) -> None:
    for scenario in pack.scenarios:
        check(markups.reports.reports_menu(number, name, scenario.reports))
        for place in range(1, len(scenario.reports) + 1):
            check(markups.reports.choose_building(number, place))
    check(markups.reports.no_language_model(number))
    check(markups.reports.transcript_only(number))
