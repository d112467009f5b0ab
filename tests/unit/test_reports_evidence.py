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
        ("Нам, ну, очень понравилась тишина", "Нам очень понравилась тишина"),
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
        "завтрак",
        "тишина в номере",
        "тишина … всё спокойно",
        "нам очень разонравилась тишина в номере",
        "нам очень понравилась тишина в коридоре",
        "нам почти понравилась тишина в номере",
        "отель? Нам очень понравилась тишина",
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


@pytest.mark.parametrize(
    ("said", "quote", "is_said"),
    [
        ("Мы не ждали такого хорошего завтрака.", "ждали такого хорошего завтрака", False),
        ("Мне не очень понравилась тишина в номере.", "понравилась тишина в номере", False),
        ("Не скажу, что завтрак был вкусный и горячий.", "завтрак был вкусный и горячий", False),
        ("Если бы номер был тихий и тёплый, я бы остался.", "номер был тихий и тёплый", False),
        ("Горячего завтрака в номер не было.", "горячего завтрака в номер", False),
        ("Номер тихий, потому что окна выходят во двор.", "окна выходят во двор", True),
        (
            "За номер с завтраком, бассейном и парковкой заплатили две тысячи двести рублей.",
            "За номер с завтраком, бассейном и парковкой заплатили 2200 рублей",
            True,
        ),
        ("Заплатили три тысячи рублей за ночь.", "Заплатили две тысячи рублей за ночь", False),
        ("Жили в отеле Астория у самого моря.", "Жили в отеле Виктория у самого моря", False),
        ("Жили в отеле Мирабель у самого моря.", "Жили в отеле Марабель у самого моря", False),
        ("Окно в номере всегда было открыто.", "Окно в номере всегда было закрыто", False),
        ("Мне в номере было неудобно работать.", "Мне в номере было удобно работать", False),
        ("Мне в номере было не удобно работать.", "Мне в номере было неудобно работать", True),
        ("Мы сюда ещё раз приехали осенью.", "Мы сюда ещё раз приедем осенью", False),
        ("Завтрок был вкустный и горячий.", "Завтрак был вкусный и горячий", True),
        ("Ну завтрак, как бы, был был вкусный и горячий.", "завтрак был вкусный и горячий", True),
        (
            "Номер нам показался тесным, но очень понравился завтрак.",
            "Номер нам показался … очень понравился завтрак",
            False,
        ),
        ("Да.", "да", True),
        ("Да, конечно.", "да", False),
    ],
)
def test_what_differs_and_what_is_left_out_must_not_change_the_meaning(said: str, quote: str, is_said: bool) -> None:
    found = Evidence(recording(Segment(start=0, end=9, text=said, role="Клиент"))).find(quote)
    assert (found is not None) == is_said


def test_only_the_words_of_those_who_are_asked_for_count(evidence: Evidence) -> None:
    question = "Расскажите, как вы выбирали отель"
    assert evidence.find(question) is not None
    assert evidence.find(question, by=["Клиент"]) is None
    assert evidence.find("Нам очень понравилась тишина", by=["Клиент"]) is not None
    nameless = Evidence(recording(Segment(start=0, end=9, text=question)))
    assert nameless.find(question, by=["Клиент"]) is not None
    thanks = "Номер нам понравился, вода тёплая"
    half_named = Evidence(
        recording(
            Segment(start=0, end=9, text=question, role="Сотрудник"),
            Segment(start=9, end=19, text=thanks),
        )
    )
    assert half_named.find(question, by=["Клиент"]) is None
    assert half_named.find(thanks, by=["Клиент"]) is not None


@given(st.data())
def test_any_long_stretch_of_an_utterance_is_found_word_for_word(data: st.DataObject) -> None:
    words = "Нам очень понравилась тишина в номере, всё спокойно. Ночью спали до девяти, окна во двор.".split()  # noqa: SIM905
    first = data.draw(st.integers(0, len(words) - 4))
    last = data.draw(st.integers(first + 3, len(words) - 1))
    stretch = " ".join(words[first : last + 1])
    found = Evidence(recording(Segment(start=0, end=5, text=" ".join(words)))).find(stretch.upper())
    assert found is not None
    assert found.text.strip(".,") == stretch.strip(".,")


@given(st.data())
def test_no_quote_with_a_word_too_much_is_found(data: st.DataObject) -> None:
    words = "нам очень понравилась тишина в номере всё спокойно".split()  # noqa: SIM905
    hostile = data.draw(
        st.sampled_from(["не", "никогда", "якобы", "почти", "без", "только", "Астория", "пять", "громко"])
    )
    words.insert(data.draw(st.integers(1, len(words) - 1)), hostile)
    assert Evidence(recording(*SEGMENTS)).find(" ".join(words)) is None


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
