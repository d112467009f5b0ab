"""Names are spelled right where something near them was heard, and no other word is touched."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT
from datamodels import Segment, Word
from errors import BadText
from text_cleaning import folded
from transcription.glossary.correction import GlossaryCorrection, corrected_by
from transcription.glossary.hints import hints
from transcription.glossary.service import terms_in, worth_keeping

TERMS = (
    *("Рэдиссон", "Хилтон", "Marriott", "Кемпински", "Новотель", "Коринтия", "Гранд Отель Заря", "Санрайз", "Дайсон"),
    "Азимут",
)
CORRECTION = GlossaryCorrection(TERMS)
HEARD = Path(__file__).parent.parent / "glossary_heard.txt"
CLEAN = [*sorted((ROOT / "tests" / "benchmarks").glob("*.txt")), *sorted((ROOT / "samples").glob("*.txt"))]


@pytest.mark.parametrize(
    ("heard", "spelled"),
    [
        ("Жили в Рэдисоне и в Радисоне.", "Жили в Рэдиссоне и в Рэдиссоне."),
        ("отель мариот, в мариотте", "отель Marriott, в Marriott"),
        ("рэд иссон и хилтан", "Рэдиссон и Хилтон"),
        ("в гранд отеле заря было", "в Гранд Отеле Заря было"),
        # Right already, in any form.
        ("в Хилтоне, у Новотеля", "в Хилтоне, у Новотеля"),
        # What a dictionary has is left alone, whatever it sounds like.
        ("заря взошла, азимут сто", "заря взошла, азимут сто"),
        ("ради сна, гранд и отель", "ради сна, гранд и отель"),
        # Too far off.
        ("Рюкзак Хэмптон", "Рюкзак Хэмптон"),
    ],
)
def test_what_sounds_like_a_term_and_is_no_word_is_spelled_right(heard: str, spelled: str) -> None:
    assert CORRECTION.text(heard) == spelled


def test_of_two_terms_that_are_as_near_none_is_taken() -> None:
    assert GlossaryCorrection(["Коринтия", "Каринтея"]).text("Керинтия") == "Керинтия"


def test_times_of_words_stay_and_other_languages_are_left() -> None:
    words = (Word(start=0.0, end=0.5, text="В"), Word(start=0.5, end=2.0, text="хилтане."))
    russian = Segment(start=0.0, end=2.0, text="В хилтане.", words=words)
    english = Segment(start=2.0, end=4.0, text="In Hiltan", language="en")
    first, second = corrected_by(TERMS, [russian, english], "ru")
    assert (first.text, second) == ("В Хилтоне.", english)
    assert [(word.start, word.end, word.text) for word in first.words or ()] == [
        (0.0, 0.5, "В"),
        (0.5, 2.0, "Хилтоне."),
    ]
    assert corrected_by(TERMS, [russian], "en") == (russian,)
    assert corrected_by((), [russian], "ru") == (russian,)


RIGHT = {
    "Рэдиссон": "рэдиссон(а|у|ом|е)?",
    "Хилтон": "хилтон(а|у|ом|е)?",
    "Marriott": "marriott",
    "Кемпински": "кемпински",
    "Новотель": "новотел(ь|я|ю|ем|е)",
    "Коринтия": "коринти(я|и|ю|ей)",
    "Гранд Отель Заря": "гранд отел(ь|я|ю|ем|е) заря",
    "Санрайз": "санрайз(а|у|ом|е)?",
    "Дайсон": "дайсон(а|у|ом|е)?",
    "Азимут": "азимут(а|у|ом|е)?",
}


def _has(text: str, term: str) -> bool:
    return re.search(rf"\b{RIGHT[term]}\b", " ".join(re.findall(r"\w+", folded(text)))) is not None


def _rows() -> Iterator[list[str]]:
    for line in HEARD.read_text(encoding="utf-8").splitlines()[1:]:
        yield line.split("\t")


@pytest.mark.parametrize(("column", "before", "after"), [(2, 1, 13), (3, 18, 23)], ids=["alone", "with hints"])
def test_of_thirty_names_that_a_real_engine_heard_more_are_right_afterwards(
    column: int, before: int, after: int
) -> None:
    rows = list(_rows())
    assert len(rows) == 30
    assert sum(_has(row[column], row[0]) for row in rows) == before
    assert sum(_has(CORRECTION.text(row[column]), row[0]) for row in rows) >= after


def test_no_word_of_other_texts_is_touched() -> None:
    """The only change is a name that is spelled in another way there."""
    lines = [line for path in CLEAN for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(len(re.findall("[а-яё]+", line.lower())) for line in lines) > 5000
    changed = [(line, CORRECTION.text(line)) for line in lines if CORRECTION.text(line) != line]
    assert [(line.replace("Мариотте", "Marriott"), new) for line, new in changed] == [(new, new) for _, new in changed]
    assert len(changed) == 1


@pytest.mark.parametrize(
    ("corrected", "term"),
    [
        ("в «Заре»", "Заря"),
        ("в отеле Рэдиссон", "Рэдиссон"),
        ("Гранд Отель Заря.", "Гранд Отель Заря"),
        ("тихо и чисто", None),
        ("Очень Много Слов Подряд Здесь", None),
    ],
)
def test_a_correction_with_a_name_is_worth_keeping(corrected: str, term: str | None) -> None:
    assert worth_keeping(corrected) == term


def test_typed_terms_are_parted_and_freed_of_quotes() -> None:
    assert terms_in(" «Заря»,Рэдиссон\nзавтрак;  Заря ") == ["Заря", "Рэдиссон", "завтрак"]


@pytest.mark.parametrize("typed", ["", " , ;\n", "12345", "я" * 61, "«»"])
def test_what_is_no_term_is_refused(typed: str) -> None:
    with pytest.raises(BadText):
        terms_in(typed)


def test_an_engine_gets_as_many_hints_as_it_reads() -> None:
    many = [f"Название{number}" for number in range(100)]
    assert hints(many) == tuple(many[:34])
    assert hints(("Заря", "Заря")) == ("Заря",)
