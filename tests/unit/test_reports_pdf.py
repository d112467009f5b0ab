"""A report as PDF: what is in the Word file is in it."""

import io
from typing import Any

import pytest
from pypdf import PdfReader

from datamodels import IndexValue
from reports.formats import ReportDocument
from reports.pdf import to_pdf

INDICES = (
    IndexValue(name="total", label="Соблюдение правил", value=72.5),
    IndexValue(name="band", label="Вывод", value=None),
)
META = ("Запись №5", "заведение: Отель «Заря»")


def text_of(markdown: str, **parts: Any) -> str:
    report = ReportDocument(title="2) Отчёт", facts=META, text=markdown, **parts)
    pages = PdfReader(io.BytesIO(to_pdf(report))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("## Связки", "Связки"),
        ("Вводный **жирный**, *курсив*, `код`, ~~нет~~", "Вводный жирный, курсив, код, нет"),
        ("[ссылка](https://example.org)", "ссылка"),
        ("> «тишина» — Клиент, 12:41", "«тишина» — Клиент, 12:41"),
        ("- первый\n  - вложенный", "• первый • вложенный"),
        ("3. раз\n4. два", "3. раз 4. два"),
        ("| Фактор | Оценка |\n| --- | --- |\n| Локация | **хорошо** |", "Фактор Оценка Локация хорошо"),
        ("<b>не HTML</b> & <para>", "<b>не HTML</b> & <para>"),
        ("```\nx = 1\n```", "x = 1"),
    ],
)
def test_each_kind_of_markdown_is_shown(markdown: str, shown: str) -> None:
    assert shown in text_of(markdown)


def test_head_indices_and_notes_stand_around_the_text() -> None:
    text = text_of(
        "Текст.", indices=INDICES, scores={"total"}, notices=("Написано моделью",), notes=("проверьте сами",)
    )
    parts = (
        "2) Отчёт",
        "Заведение Отель «Заря»",
        "Написано моделью",
        "Соблюдение правил 72,5 — ",
        "Вывод нет данных",
        "Текст.",
    )
    places = [text.index(each) for each in parts]
    assert places == sorted(places)
    assert text.index("проверьте") > places[-1]


def test_a_row_higher_than_a_page_goes_on_on_the_next() -> None:
    long = " ".join(f"слово{number}" for number in range(2500))
    text = text_of(f"| а | б |\n| --- | --- |\n| {long} | 1 |")
    assert "слово0" in text
    assert "слово2499" in text
