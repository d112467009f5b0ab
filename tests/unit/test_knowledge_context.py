"""The context line tells where a chunk is from, and words are found in all their forms."""

from datetime import date

import pytest

from datamodels import BuildingType, ReportId, ScenarioId
from default_pack import PACK
from knowledge.context import Contexts
from knowledge.lemmas import lemmas
from knowledge.values import Facts

CONTEXTS = Contexts(PACK)
INTERVIEW = ScenarioId("interview")
ALL = Facts(
    number=5,
    audio_number=17,
    scenario=INTERVIEW,
    day=date(2026, 11, 3),
    place="Заря",
    city="Казань",
    employee="Иванов Иван",
    client="Петрова Анна",
    building=BuildingType.HOTEL,
)
LINES = [
    (
        ALL,
        "",
        "Интервью №5, файл №17, 3 ноября 2026 года, отель, «Заря», город Казань, сотрудник Иванов Иван, "
        "клиент Петрова Анна.",
    ),
    (
        Facts(number=2, audio_number=2, scenario=INTERVIEW, report=ReportId("report_int_general")),
        "Сервис",
        "Отчёт «Общие факторы»: Интервью №2, раздел «Сервис».",
    ),
    (Facts(number=1, scenario=ScenarioId("of another pack")), "", "Запись №1."),
    (Facts(document_name="Стандарты.docx"), "Завтрак", "Документ «Стандарты.docx», раздел «Завтрак»."),
]


@pytest.mark.parametrize(("facts", "section", "line"), LINES)
def test_the_line_says_what_is_known_and_nothing_else(facts: Facts, section: str, line: str) -> None:
    assert CONTEXTS.line(facts, section) == line


def test_lemmas_are_dictionary_forms_each_once() -> None:
    text = "Гостям не нравились завтраки; гостей ждали в номере 304, ёлка и Ёлки."
    assert lemmas(text) == ("гость", "не", "нравиться", "завтрак", "ждать", "в", "номер", "304", "елка", "и")


def test_lemmas_of_anything() -> None:
    assert lemmas("") == lemmas(" …—!") == ()
    assert [len(word) <= 60 for word in lemmas("ы" * 1000)] == [True]
    assert lemmas("Wi-Fi ²") == ("wi", "fi", "²")
