"""The meeting scenario: what its reports have to find in three meetings, and what they must not say.

The answers are such as a model gives, good parts and inventions together.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from default_pack import PACK
from language_model.recorded import RecordedLanguageModel
from recorded_reports import written
from reports.formats import ReportDocument, to_markdown
from reports.generation import GeneratedReport
from reports.word import to_docx
from transcription.ready.reading import read_ready

TASKS = "Выпиши задачи, о которых участники договорились"
DECISIONS = "Выпиши решения, которые на нём приняты"
QUESTIONS = "Выпиши вопросы, которые остались открытыми"
COURSE = "Напиши часть протокола о ходе обсуждения"
SUMMARY = "Перескажи совещание тому"

GOOD = """\
[00:00] Ирина: Коллеги, начинаем. Два вопроса: завтраки и парковка.
[00:08] Павел: По завтракам: в девять утра мест не хватает, гости ждут по пятнадцать минут.
[00:17] Ирина: Что предлагаешь?
[00:19] Павел: Хорошо бы открыть террасу и поставить там обогреватели.
[00:26] Светлана: Терраса зимой холодная, гости туда не пойдут.
[00:37] Ирина: Обогреватели отклоняем, бюджета нет. Решили: открываем лобби-бар для завтраков с восьми.
[00:46] Павел: Согласен, лобби-бар для завтраков подойдёт.
[00:49] Ирина: Светлана, подготовь смету на лобби-бар до пятницы.
[00:54] Светлана: Хорошо, подготовлю к пятнице.
[00:57] Ирина: Теперь парковка. На сайте не написано, что она платная.
[01:03] Павел: Я поправлю страницу сайта сегодня же.
[01:06] Светлана: А сколько вообще гостей жалуется на парковку?
[01:10] Ирина: Не знаю, это надо выяснить. Всё, спасибо.
"""
GOOD_ANSWERS = {
    TASKS: [
        {
            "quotes": ["Светлана, подготовь смету на лобби-бар до пятницы"],
            "task": "Подготовить смету на лобби-бар",
            "who": "Светлана",
            "due": "до пятницы",
            "kind": "поручено",
        },
        {
            "quotes": ["Я поправлю страницу сайта сегодня же"],
            "task": "Поправить страницу сайта",
            "who": "Павел",
            "due": "до 15 декабря",
            "kind": "взял на себя",
        },
        {
            "quotes": ["Не знаю, это надо выяснить"],
            "task": "Выяснить число жалоб на парковку",
            "who": "Марина",
            "due": None,
            "kind": "согласовано",
        },
        {
            "quotes": ["Купим обогреватели на террасу до зимы"],
            "task": "Купить обогреватели",
            "who": "Павел",
            "due": "до зимы",
            "kind": "поручено",
        },
    ],
    DECISIONS: [
        {
            "quotes": [
                "Решили: открываем лобби-бар для завтраков с восьми",
                "Согласен, лобби-бар для завтраков подойдёт",
            ],
            "topic": "Места на завтраке",
            "decision": "Открывать лобби-бар с восьми",
            "outcome": "принято",
        },
        {
            "quotes": ["Обогреватели отклоняем, бюджета нет"],
            "topic": "Обогреватели на террасе",
            "decision": "Не покупать",
            "outcome": "отклонено",
        },
        {
            "quotes": ["Обогреватели не отклоняем, бюджет есть"],
            "topic": "Обогреватели",
            "decision": "Купить обогреватели",
            "outcome": "принято",
        },
    ],
    QUESTIONS: [
        {
            "quotes": ["А сколько вообще гостей жалуется на парковку?"],
            "question": "Сколько гостей жалуется на парковку?",
            "who": "Павел",
        },
    ],
    COURSE: "### Завтраки\n- Слушали: Павел о местах: «в девять утра мест не хватает».\n"
    "- Выступили: Светлана возразила: «Терраса зимой холодная, гости туда не пойдут».",
    SUMMARY: "### Главное\nРешили вопрос о завтраках.\n### Темы\n**Завтраки**\n"
    "- Открывают лобби-бар: «открываем лобби-бар для завтраков с восьми».\n"
    "- Все в восторге: «это лучшее решение за весь год».\n### Разногласия\nРазногласий не прозвучало.",
}
BAD = """\
[00:00] Спикер 1: Ну что, как вам погода, надо бы как-нибудь собраться и всё обсудить.
[00:09] Спикер 2: Да, хорошо бы. И сайт хорошо бы поправить когда-нибудь.
[00:15] Спикер 1: Ну посмотрим. Ладно, всем пока.
"""
BAD_ANSWERS = {
    TASKS: [
        {
            "quotes": ["Спикер 2, поправь сайт до понедельника"],
            "task": "Поправить сайт",
            "who": "Спикер 2",
            "due": "до понедельника",
            "kind": "поручено",
        },
    ],
    DECISIONS: [],
    QUESTIONS: [],
    COURSE: "### Сайт\n- Слушали: «И сайт хорошо бы поправить когда-нибудь».\n- Выступили: обсуждения не было.",
    SUMMARY: "### Главное\nНи к чему не пришли: «Ну посмотрим. Ладно, всем пока».",
}
HARDLY = "Меня слышно? Алло."
HARDLY_ANSWERS = {
    TASKS: [],
    DECISIONS: [],
    QUESTIONS: [],
    COURSE: "В записи ничего не обсуждалось.",
    SUMMARY: "В записи ничего не обсуждалось.",
}


def recorded(answers: dict[str, Any], path: Path) -> RecordedLanguageModel:
    entries = []
    for asks, answer in answers.items():
        items = (
            answer
            if isinstance(answer, str)
            else {"items": [{**each, "quotes": [{"text": quote} for quote in each["quotes"]]} for each in answer]}
        )
        entries.append({"asks": asks, "answer": items})
    path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return RecordedLanguageModel(path)


async def report_of(report_id: str, said: str, answers: dict[str, Any], folder: Path) -> GeneratedReport:
    meeting = folder / "meeting.txt"
    meeting.write_text(said, encoding="utf-8")
    transcript = read_ready(meeting, meeting.name).transcript
    return await written(PACK.report(report_id), transcript, recorded(answers, folder / "answers.yaml"))


@pytest.mark.parametrize(
    ("report", "said", "answers", "must", "must_not"),
    [
        (
            "report_meet_tasks",
            GOOD,
            GOOD_ANSWERS,
            [
                "| 1 | Подготовить смету на лобби-бар | Светлана | до пятницы |",
                "| 2 | Поправить страницу сайта | Павел | не назван |",
                "| 3 | Выяснить число жалоб на парковку | не назван | не назван |",
                "«Светлана, подготовь смету на лобби-бар до пятницы» (Ирина, 00:49)",
            ],
            ["15 декабря", "Марина", "обогреватели", "до зимы"],
        ),
        (
            "report_meet_tasks",
            BAD,
            BAD_ANSWERS,
            ["Задач, подтверждённых словами записи, не найдено."],
            ["понедельника"],
        ),
        ("report_meet_tasks", HARDLY, HARDLY_ANSWERS, ["Задач, подтверждённых словами записи, не найдено."], ["| № |"]),
        (
            "report_meet_minutes",
            GOOD,
            GOOD_ANSWERS,
            [
                "**Принято:** Открывать лобби-бар с восьми",
                "**Отклонено:** Не покупать",
                "(Павел, 00:46)",
                "**1. Сколько гостей жалуется на парковку?**",
                "## Ход обсуждения",
            ],
            ["Купить обогреватели", "бюджет есть", "Выясняет: Павел"],
        ),
        (
            "report_meet_minutes",
            BAD,
            BAD_ANSWERS,
            [
                "Решений, подтверждённых словами записи, не найдено.",
                "Открытых вопросов не осталось.",
                "(Спикер 2, 00:09)",
            ],
            ["**Принято:**"],
        ),
        ("report_meet_minutes", HARDLY, HARDLY_ANSWERS, ["Решений, подтверждённых"], ["**Принято:**"]),
        (
            "report_meet_summary",
            GOOD,
            GOOD_ANSWERS,
            [
                "«открываем лобби-бар для завтраков с восьми» (Ирина, 00:37)",
                "«это лучшее решение за весь год» [нет в записи]",
            ],
            [],
        ),
        ("report_meet_summary", BAD, BAD_ANSWERS, ["«Ну посмотрим. Ладно, всем пока» (Спикер 1, 00:15)"], []),
        ("report_meet_summary", HARDLY, HARDLY_ANSWERS, ["ничего не обсуждалось"], ["«"]),
    ],
)
async def test_a_report_says_what_was_said_and_nothing_else(
    report: str, said: str, answers: dict[str, Any], must: list[str], must_not: list[str], tmp_path: Path
) -> None:
    text = (await report_of(report, said, answers, tmp_path)).text
    assert [each for each in must if each not in text] == []
    assert [each for each in must_not if each in text] == []
    document = ReportDocument(title="Протокол", text=text)
    assert to_markdown(document).startswith("# Протокол")
    assert to_docx(document)


async def test_what_was_left_out_is_counted(tmp_path: Path) -> None:
    tasks = await report_of("report_meet_tasks", GOOD, GOOD_ANSWERS, tmp_path)
    assert "«Задачи»: убрано сведений, которых нет в цитатах (кто, срок): 2." in tasks.warnings
    assert tasks.dropped_items == 1
    assert {each.label: each.value for each in tasks.indices or ()} == {
        "Задач, всего": 3,
        "Задачи: поручено": 1,
        "Задачи: взял на себя": 1,
        "Задачи: согласовано": 1,
    }
