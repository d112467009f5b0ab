"""Reports as files: what a reader of each sees."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from docx import Document
from docx.document import Document as DocxDocument
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodels import IndexValue, RecordingId, ReportId, ReportRun, ReportRunId, RunStatus, ScenarioId, Usage, UserId
from reports.formats import ReportDocument, indices_table_text, to_json, to_markdown
from reports.markdown import cut_at_line, with_headings_below
from reports.word import template_in, to_docx

INDICES = (
    IndexValue(name="clarity", label="Ясность вопросов", value=80),
    IndexValue(name="total", label="Соблюдение правил интервью на протяжении всей беседы", value=72.5),
    IndexValue(name="band", label="Вывод", value=None),
    IndexValue(name="why", label="Почему", value="Пять связок из семи опираются на чувства."),
)
MARKDOWN = """## Связки

Вводный **жирный**, *курсив*, `код`, ~~нет~~ и [ссылка](https://example.org).

> «нам понравилась тишина» — Клиент, 12:41

- первый
  - вложенный

1. раз
2. два

Текст.

1. снова

| Фактор | Оценка |
| --- | --- |
| Локация | **хорошо** |

<b>не HTML</b>

```
x = 1
```
"""


def opened(document: ReportDocument, *template: Path) -> DocxDocument:
    return Document(io.BytesIO(to_docx(document, *template)))


def test_the_table_of_indices_fits_a_phone() -> None:
    assert indices_table_text(INDICES).split("\n") == [
        "Ясность вопросов                            80",
        "Соблюдение правил интервью на",
        "протяжении всей беседы                    72,5",
        "Вывод                               нет данных",
        "Почему",
        "  Пять связок из семи опираются на",
        "  чувства.",
    ]
    assert indices_table_text(()) == ""


def test_the_markdown_file_has_head_text_indices_and_notes() -> None:
    indices = (IndexValue(name="a", label="Цена | качество", value="да\nнет"),)
    document = ReportDocument(
        title="Отчёт\x07",
        facts=("Запись: a.ogg",),
        text="## Раздел\r\nТекст\x00",
        indices=indices,
        notices=("Демонстрация.",),
        notes=("Цитат нет: 1.",),
    )
    assert to_markdown(document) == (
        "# Отчёт\n\n- Запись: a.ogg\n\n> Демонстрация.\n\n## Раздел\nТекст\n\n## Показатели\n\n"
        "| Показатель | Значение |\n| --- | ---: |\n| Цена \\| качество | да нет |\n\n## Замечания\n\n- Цитат нет: 1.\n"
    )
    assert to_markdown(ReportDocument(title="Отчёт", text="Текст")) == "# Отчёт\n\nТекст\n"


def test_the_word_file_has_styles_in_the_place_of_markdown() -> None:
    document = opened(
        ReportDocument(
            title="2) Связки",
            facts=("Запись: a.ogg", "вопрос"),
            text=MARKDOWN,
            indices=INDICES,
            scores=frozenset(["clarity", "total", "band"]),
            notices=("Демонстрация.",),
            notes=("Цитат нет: 1.",),
        )
    )
    shown = [(paragraph.style and paragraph.style.name, paragraph.text) for paragraph in document.paragraphs]
    assert [each for each in shown if each[1]] == [
        ("Heading 1", "2) Связки"),
        ("Heading 2", "Показатели"),
        ("Normal", "Уровень: от 80 — высокий, от 60 — средний, от 40 — низкий, ниже — критический."),
        ("Heading 2", "Связки"),
        ("Normal", "Вводный жирный, курсив, код, нет и ссылка."),
        ("Quote", "«нам понравилась тишина» — Клиент, 12:41"),
        ("List Bullet", "первый"),
        ("List Bullet 2", "вложенный"),
        ("List Number", "раз"),
        ("List Number", "два"),
        ("Normal", "Текст."),
        ("List Number", "снова"),
        ("Normal", "<b>не HTML</b>"),
        ("Normal", "x = 1"),
        ("Heading 2", "Замечания"),
        ("List Bullet", "Цитат нет: 1."),
    ]
    [words] = [each for each in document.paragraphs if each.text.startswith("Вводный")]
    runs = {run.text: run for run in words.runs}
    assert (runs["жирный"].bold, runs["курсив"].italic, runs["нет"].font.strike) == (True, True, True)
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    assert tables == [
        [["Запись", "a.ogg"], ["вопрос", "вопрос"]],
        [["Демонстрация."]],
        [
            ["Показатель", "Значение", "Уровень"],
            ["Ясность вопросов", "80", "высокий"],
            ["Соблюдение правил интервью на протяжении всей беседы", "72,5", "средний"],
            ["Вывод", "нет данных", ""],
            ["Почему", "Пять связок из семи опираются на чувства.", ""],
        ],
        [["Фактор", "Оценка"], ["Локация", "хорошо"]],
    ]


def test_a_document_is_a_numbered_a4_sheet() -> None:
    section = opened(ReportDocument(title="Т", text="т")).sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)  # type: ignore[union-attr]
    fields = [each.text.strip() for each in section.footer._element.iter(qn("w:instrText"))]
    assert fields == ["TITLE", "PAGE", "NUMPAGES"]


def test_a_team_has_a_template_of_its_own(tmp_path: Path) -> None:
    document = ReportDocument(title="Т", text=MARKDOWN, indices=INDICES, notes=("Замечание",))
    assert template_in(tmp_path).parent.name == "resources"
    own = Document()
    own.add_paragraph("Бюро исследований «Север»")
    for style in [each for each in own.styles if each.name.startswith(("Heading", "List", "Quote"))]:
        style.element.getparent().remove(style.element)
    own.save(str(tmp_path / "report.docx"))
    made = opened(document, template_in(tmp_path))
    assert [each.text for each in made.paragraphs][:2] == ["Бюро исследований «Север»", "Т"]
    assert [each.text for each in made.paragraphs][-1] == "Замечание"


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_template_that_does_not_open_gives_way_to_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "report.docx").write_bytes(content)
    made = opened(ReportDocument(title="Т", text="т"), template_in(tmp_path))
    assert [each.text for each in made.paragraphs] == ["Т", "т"]


def test_every_numbered_list_starts_anew() -> None:
    document = opened(ReportDocument(title="Т", text=MARKDOWN))
    first, second, third = document.element.xpath("//w:body/w:p/w:pPr/w:numPr/w:numId/@w:val")
    assert first == second
    assert third != first


@settings(max_examples=20)
@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_makes_a_word_file_that_opens(text: str) -> None:
    indices = (IndexValue(name="a", label=text, value=text),)
    opened(ReportDocument(title=text, facts=(text,), text=text, indices=indices, notices=(text,), notes=(text,)))


@settings(max_examples=20)
@given(st.lists(st.sampled_from(["# a", "- b", "  - c", "1. d", "> e", "| f | g |", "| - | - |", "```", "**h", ""])))
def test_any_markdown_makes_a_word_file_that_opens(lines: list[str]) -> None:
    opened(ReportDocument(title="Т", text="\n".join(lines)))


@pytest.fixture
def run() -> ReportRun:
    return ReportRun(
        id=ReportRunId(UUID(int=1)),
        recording_id=RecordingId(UUID(int=2)),
        owner_id=UserId(UUID(int=3)),
        number=1,
        scenario=ScenarioId("interview"),
        report_id=ReportId("report_method"),
        building=None,
        input_hash="i",
        prompt_hash="p",
        model="m",
        status=RunStatus.DONE,
        passes_done=2,
        passes_total=2,
        text="Текст",
        indices=INDICES,
        indices_error=None,
        warnings=("Цитат нет: 1.",),
        usage=Usage(prompt_tokens=10, completion_tokens=2),
        cost_usd=Decimal("0.000125"),
        duration_s=1.23456,
        error_code=None,
        error_text=None,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        finished_at=None,
    )


def test_the_indices_file_tells_values_and_how_they_came_about(run: ReportRun) -> None:
    content: Mapping[str, Any] = json.loads(to_json(run, "3) Методология"))
    assert content["indices"][2] == {"name": "band", "label": "Вывод", "value": None}
    assert {name: value for name, value in content.items() if name != "indices"} == {
        "report": "report_method",
        "label": "3) Методология",
        "building": None,
        "error": None,
        "warnings": ["Цитат нет: 1."],
        "model": "m",
        "notice": None,
        "prompt_hash": "p",
        "tokens": {"prompt_tokens": 10, "completion_tokens": 2},
        "cost_usd": 0.000125,
        "duration_s": 1.235,
    }


def test_the_indices_file_says_why_there_are_none(run: ReportRun) -> None:
    failed = run.model_copy(update={"indices": None, "indices_error": "не рассчитано: причина", "cost_usd": None})
    content = json.loads(to_json(failed, "3)"))
    assert (content["indices"], content["error"], content["cost_usd"]) == (None, "не рассчитано: причина", None)


@pytest.mark.parametrize(
    ("text", "ordered"),
    [
        ("# А\n\n## Б\nтекст #1", "### А\n\n#### Б\nтекст #1"),
        ("### А", "### А"),
        ("```md\n## А\n```", "### А"),
        ("```\nкод\n```\nи текст", "```\nкод\n```\nи текст"),
        ("##### А\n# Б", "####### А\n### Б".replace("#######", "######")),
        ("Без заголовка", "Без заголовка"),
        ("# А\n\n```python\n# не заголовок\n```\n# Б", "### А\n\n```python\n# не заголовок\n```\n### Б"),
        ("```\nкод\n```\nтекст\n```\nещё\n```", "```\nкод\n```\nтекст\n```\nещё\n```"),
        (" # А", "### А"),
        ("# А\n```\n# не закрыт", "### А\n```\n# не закрыт"),
    ],
)
def test_headings_of_an_answer_are_moved_below_the_reports(text: str, ordered: str) -> None:
    assert with_headings_below(text, 2) == ordered


@pytest.mark.parametrize(
    ("text", "cut"),
    [("Раз.\nДв", "Раз."), ("Раз. Два. Тр", "Раз. Два."), ("Раз", "Раз"), ("\n\nРаз. Дв", "\n\nРаз."), ("", "")],
)
def test_an_unfinished_answer_is_cut_at_its_last_line_or_sentence(text: str, cut: str) -> None:
    assert cut_at_line(text) == cut
