"""What text is taken out of documents, and the sentence that people read when there is none."""

from collections.abc import Callable, Iterator
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import matplotlib as mpl
import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from pypdf import PdfReader, PdfWriter

from errors import BadInput
from errors_of_operation import (
    DocumentBroken,
    DocumentTooLarge,
    DocumentUnknown,
    DocumentWithoutText,
)
from knowledge.chunker import text_pieces
from knowledge.document_text import document_text

SAID = "Завтрак подают с семи до одиннадцати."


def docx() -> bytes:
    document = Document()
    document.add_heading("Стандарты", 1)
    document.add_heading("Завтрак", 2)
    document.add_paragraph(SAID)
    table = document.add_table(2, 3)
    for row, values in enumerate((("Блюдо", "Сколько", "Когда"), ("Каша", "5", "5"))):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    table.cell(0, 0).merge(table.cell(0, 1))
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def pdf(*pages: str, scanned: bool = False) -> bytes:
    """A PDF with a page for each text, or with a picture for each."""
    file = BytesIO()
    with mpl.rc_context({"pdf.fonttype": 42}), PdfPages(file) as document:
        for page in pages:
            figure = Figure()
            if scanned:
                figure.figimage([[0.0, 0.5], [0.5, 1.0]])
            else:
                figure.text(0.1, 0.5, page)
            document.savefig(figure)
    return file.getvalue()


def copied(data: bytes, *, times: int = 1, password: str | None = None) -> bytes:
    """The PDF several times over, with a password if there is one."""
    writer = PdfWriter()
    for _ in range(times):
        for page in PdfReader(BytesIO(data)).pages:
            writer.add_page(page)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
@pytest.mark.parametrize("extension", [".txt", ".md", ".TXT"])
def test_plain_text_in_the_encodings_that_people_have(encoding: str, extension: str) -> None:
    assert document_text(f"# Стандарты\n{SAID}".encode(encoding), f"Документ{extension}") == f"# Стандарты\n{SAID}"


def test_docx_has_its_headings_and_tables() -> None:
    text = document_text(docx(), "Стандарты.docx")
    assert text.splitlines() == [
        "# Стандарты",
        "## Завтрак",
        SAID,
        "Блюдо Сколько | Когда",
        "Каша | 5 | 5",
    ]
    assert [piece.section for piece in text_pieces(text)] == ["Стандарты"]


def test_pdf_has_the_text_of_its_pages() -> None:
    assert document_text(pdf(SAID, "Вторая страница отчёта."), "Отчет.pdf").split("\n") == [
        SAID,
        "Вторая страница отчёта.",
    ]


def test_five_hundred_pages_are_read_and_one_more_is_not() -> None:
    page = pdf(SAID)
    assert document_text(copied(page, times=500), "Книга.pdf").count(SAID) == 500
    with pytest.raises(DocumentTooLarge, match="too large") as caught:
        document_text(copied(page, times=501), "Книга.pdf")
    assert "500 страниц" in caught.value.user_text


def test_a_pdf_of_scanned_pages_says_what_to_do() -> None:
    with pytest.raises(DocumentWithoutText) as caught:
        document_text(pdf("", "", scanned=True), "Скан.pdf")
    assert "OCR" in caught.value.user_text
    assert "Скан.pdf" in caught.value.user_text


def test_a_pdf_with_a_password_is_refused_and_one_with_an_empty_password_read() -> None:
    with pytest.raises(DocumentBroken, match="password"):
        document_text(copied(pdf(SAID), password="secret"), "Отчет.pdf")  # noqa: S106
    assert document_text(copied(pdf(SAID), password=""), "Отчет.pdf") == SAID


def bomb(name: str, size: int) -> bytes:
    """A DOCX with a member of ``size`` zeros, which take a thousandth of that."""
    file = BytesIO(docx())
    with ZipFile(file, "a", ZIP_DEFLATED) as members:
        members.writestr(name, bytes(size))
    return file.getvalue()


def disguised() -> bytes:
    """A DOCX with more XML than is read, which calls itself a picture."""
    file = BytesIO(docx())
    with ZipFile(file, "a", ZIP_DEFLATED) as members:
        members.writestr("word/media/picture.png", b"<a>" + bytes(33 * 1024 * 1024))
    return file.getvalue()


def illustrated() -> bytes:
    file = BytesIO(docx())
    with ZipFile(file, "a", ZIP_DEFLATED) as members:
        members.writestr("word/media/picture.png", b"\x89PNG\r\n" + bytes(33 * 1024 * 1024))
    return file.getvalue()


def locked() -> bytes:
    """A DOCX whose members say that they are encrypted."""
    data = bytearray(docx())
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(sign)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(sign, at + 1)
    return bytes(data)


def many_members() -> bytes:
    file = BytesIO(docx())
    with ZipFile(file, "a") as members:
        for number in range(6000):
            members.writestr(f"word/media/{number}.png", b"")
    return file.getvalue()


def entities() -> bytes:
    """A DOCX whose text is an entity that would become gigabytes."""
    nested = "".join(f'<!ENTITY l{each + 1} "{f"&l{each};" * 10}">' for each in range(10))
    text = (
        f'<!DOCTYPE d [<!ENTITY l0 "ха">{nested}]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&l10;</w:t></w:r></w:p></w:body></w:document>"
    )
    source, file = ZipFile(BytesIO(docx())), BytesIO()
    with ZipFile(file, "w") as members:
        for name in source.namelist():
            members.writestr(name, text if name == "word/document.xml" else source.read(name))
    return file.getvalue()


REFUSED: list[tuple[str, Callable[[], bytes], type[BadInput]]] = [
    ("Таблица.xlsx", docx, DocumentUnknown),
    ("Документ", docx, DocumentUnknown),
    ("Пусто.txt", bytes, DocumentWithoutText),
    ("Пусто.docx", bytes, DocumentBroken),
    ("Пусто.pdf", bytes, DocumentBroken),
    ("Пробелы.md", lambda: b" \n" * 1000, DocumentWithoutText),
    ("Программа.txt", lambda: bytes(range(256)) * 100, DocumentBroken),
    ("Не тот.docx", lambda: pdf(SAID), DocumentBroken),
    ("Не тот.pdf", docx, DocumentBroken),
    ("Обрезан.docx", lambda: docx()[:2000], DocumentBroken),
    ("Велик.txt", lambda: b"a" * (50 * 1024 * 1024 + 1), DocumentTooLarge),
    ("Длинный.txt", lambda: "слово ".encode() * 900_000, DocumentTooLarge),
    ("Бомба.docx", lambda: bomb("word/media/zeros.bin", 300 * 1024 * 1024), DocumentTooLarge),
    ("Разметка.docx", lambda: bomb("word/more.xml", 33 * 1024 * 1024), DocumentTooLarge),
    ("Не картинка.docx", disguised, DocumentTooLarge),
    ("Закрыт.docx", locked, DocumentBroken),
    ("Много.docx", many_members, DocumentTooLarge),
]


@pytest.mark.parametrize(("name", "make", "error"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_cannot_be_read_is_named(name: str, make: Callable[[], bytes], error: type[BadInput]) -> None:
    with pytest.raises(error) as caught:
        document_text(make(), name)
    assert name in caught.value.user_text


def test_pictures_in_a_docx_do_not_count_as_text() -> None:
    assert document_text(illustrated(), "Альбом.docx") == document_text(docx(), "Стандарты.docx")


@pytest.mark.parametrize(("make", "name"), [(docx, "Долгий.docx"), (lambda: pdf(SAID), "Долгий.pdf")])
def test_reading_has_an_end(make: Callable[[], bytes], name: str) -> None:
    with pytest.raises(DocumentBroken, match="takes too long"):
        document_text(make(), name, longest_s=-1.0)


def test_entities_of_a_docx_stay_closed() -> None:
    with pytest.raises((DocumentWithoutText, DocumentBroken)):
        document_text(entities(), "Сущности.docx")


def parts() -> Iterator[tuple[bytes, str]]:
    yield docx(), "Стандарты.docx"
    yield pdf(SAID), "Отчет.pdf"


@given(st.sampled_from(list(parts())), st.floats(0, 1), st.binary(min_size=1, max_size=40))
def test_whatever_is_damaged_gives_text_or_a_sentence(document: tuple[bytes, str], place: float, junk: bytes) -> None:
    data, name = document
    at = int(place * len(data))
    try:
        told = document_text(data[:at] + junk + data[at + len(junk) :], name)
    except BadInput as exc:
        told = exc.user_text
    assert told


def test_characters_that_no_database_takes_are_left_out() -> None:
    many = SAID * 10
    assert document_text(f"{many}\x00 {SAID}".encode(), "Запись.txt") == f"{many}  {SAID}"
