"""Quotes: found where they were said, whatever recognition and model made of them; not found when nobody said them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodels import Segment, Transcript
from reports.evidence import Evidence

SEGMENTS = (
    Segment(start=0, end=5, text="Расскажите, как вы выбирали отель?", role="Сотрудник"),
    Segment(start=761, end=766, text="Нам очень понравилась тишина в номере, всё спокойно.", role="Клиент"),
    Segment(start=766, end=770, text="А вот завтрак — нет, горячего не было совсем.", role="Клиент"),
    Segment(start=3761, end=3766, text="Ещё раз скажу: нам очень понравилась тишина.", role="Клиент"),
)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Evidence(recording(*SEGMENTS))


def recording(*segments: Segment) -> Transcript:
    return Transcript(language="ru", engine="e", model="m", duration_s=4000, speakers=2, segments=segments)


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ("нам очень понравилась тишина в номере", "Нам очень понравилась тишина в номере"),
        ("«Тишина в номере - все спокойно!»", "тишина в номере, всё спокойно"),
        ("нам очень понравилася тишина в номерах", "Нам очень понравилась тишина в номере"),
        ("Нам понравилась тишина в номере, всё спокойно", "понравилась тишина в номере, всё спокойно"),
        ("всё спокойно. А вот завтрак нет", "всё спокойно. А вот завтрак — нет"),
        ("тишина в номере… горячего не было", "тишина в номере … горячего не было"),
        ("тишина в номере [...] горячего не было", "тишина в номере … горячего не было"),
        ("завтрак", "завтрак"),
    ],
)
def test_a_quote_is_found_with_its_speaker_and_time(evidence: Evidence, quote: str, said: str) -> None:
    found = evidence.find(quote)
    assert found is not None
    assert (said in found.text, found.speaker) == (True, "Клиент")
    assert found.time in {"12:41", "12:46"}


@pytest.mark.parametrize(
    "quote",
    [
        "бассейн был просто великолепный и чистый",
        "нам очень не понравилась тишина в номере",
        "горячего было совсем",
        "завтрак понравился",
        "горячего не было … тишина в номере, всё спокойно и красиво",
        "",
        "…",
    ],
)
def test_what_nobody_said_is_not_found(evidence: Evidence, quote: str) -> None:
    assert evidence.find(quote) is None


def test_the_stated_time_decides_between_equal_places(evidence: Evidence) -> None:
    found = [evidence.find("нам очень понравилась тишина", time) for time in (None, "12:40", "1:02:00")]
    assert [quote and quote.time for quote in found] == ["12:41", "12:41", "1:02:41"]


def test_a_monologue_has_no_speaker() -> None:
    found = Evidence(recording(Segment(start=1, end=2, text="Холл светлый."))).find("холл светлый")
    assert found is not None
    assert (found.speaker, found.source) == (None, "00:01")


@given(st.data())
def test_any_stretch_of_the_recording_is_found_word_for_word(data: st.DataObject) -> None:
    words = " ".join(segment.text for segment in SEGMENTS).split()
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    stretch = " ".join(words[first : last + 1])
    found = Evidence(recording(*SEGMENTS)).find(stretch.upper())
    if any(character.isalnum() for character in stretch):
        assert found is not None
        assert found.text.strip(".,:?—- ").casefold() == stretch.strip(".,:?—- ").casefold()


@given(quote=st.text(max_size=200), said=st.text(max_size=200))
def test_any_text_can_be_searched_for_in_any_recording(quote: str, said: str) -> None:
    evidence = Evidence(recording(Segment(start=0, end=1, text=said)))
    evidence.find(quote)
    evidence.checked(f"«{quote}»", quote)


@pytest.mark.parametrize(
    ("written", "checked"),
    [
        (
            "Хвалит: «нам очень понравилась тишина в номере».",
            "«нам очень понравилась тишина в номере» (Клиент, 12:41).",
        ),
        ("> «тишина в номере, всё спокойно» — Клиент, 59:59", "> «тишина в номере, всё спокойно» — Клиент, 12:41"),
        ("«тишина в номере, всё спокойно» — 12:41", "«тишина в номере, всё спокойно» — Клиент, 12:41"),
        ("«тишина в номере, всё спокойно» (Сотрудник, 00:00)", "«тишина в номере, всё спокойно» (Клиент, 12:41)"),
        ("«тишина в номерах, всё спокойно» [12:41]", "«тишина в номере, всё спокойно» (Клиент, 12:41)"),
    ],
)
def test_a_quote_in_a_text_gets_the_right_words_speaker_and_time(
    evidence: Evidence, written: str, checked: str
) -> None:
    result = evidence.checked(written, "")
    assert checked in result.text
    assert result.not_found == 0


def test_a_quote_that_nobody_said_is_marked_where_it_stands(evidence: Evidence) -> None:
    result = evidence.checked("Гость: «бассейн был просто великолепный» — Клиент, 12:41. Дальше.", "")
    assert result.text == "Гость: «бассейн был просто великолепный» [нет в записи]. Дальше."
    assert result.not_found == 1


def test_names_and_what_the_prompt_says_are_no_quotes(evidence: Evidence) -> None:
    text = "Отель «Большая Медведица», фактор «Близость к метро и центру»."
    assert evidence.checked(text, "loc — Близость к метро и центру (пешком)").text == text
