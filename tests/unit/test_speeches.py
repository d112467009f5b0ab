"""What a voice gets: sentences in words, out of Markdown, in pieces that an engine takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speeches.pieces import beginning, pieces
from speeches.plain import spoken_lines
from speeches.words import in_words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Гостей 83,3 %, т.е. 5 из 6.", "Гостей восемьдесят три целых три десятых процента, то есть пять из шесть."),
        ("21 мин и 2 тыс. чел.", "двадцать одна минута и две тысячи человек"),
        ("от 1 200 ₽ или $5", "от одна тысяча двести рублей или пять долларов"),
        (
            "02.11.2026 в 12:05",
            "второго ноября две тысячи двадцать шестого года в двенадцать ноль пять",
        ),
        ("с 2026-03-08", "с восьмого марта две тысячи двадцать шестого года"),
        ("3 марта, В 2026 г.", "третьего марта, В две тысячи двадцать шестом году"),
        ("2-й этаж, 7-я комната", "второй этаж, седьмая комната"),
        ("в г. Москва, ул. Ленина", "в город Москва, улица Ленина"),
        ("комната № 5, -3 °C", "комната номер пять, минус три градуса Цельсия"),
        ("ЖКХ, но СПА и т. д.", "же ка ха, но СПА и так далее"),
        ("код 007, номер 1234567890123", "код ноль ноль семь, номер один два три четыре пять шесть семь восемь девять"),
        ("31.13.2026 и 99:99 — как есть", ""),
        ("10 м² за 5–7 ч", "десять квадратных метров за пять — семь часов"),
        ("room 5 is quiet", "room 5 is quiet"),
    ],
)
def test_numbers_and_abbreviations_are_said_in_words(written: str, said: str) -> None:
    assert in_words(written).startswith(said)
    assert not said or said.startswith("room") or not any(map(str.isdecimal, in_words(written)))


def test_of_markdown_the_words_are_said() -> None:
    written = "# Итог\n\nТихо [1, 2]. **Очень** [12:05]!\n- раз\n- `два` https://a.b/c\n\n"
    written += "|А|Б|\n|-|-|\n|1|—|\n\n---\n> «да»\n"
    assert spoken_lines(written).split("\n") == ["Итог.", "Тихо. Очень!", "раз.", "два.", "А, Б.", "1.", "«да»."]


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("Раз. Два! Три?", 9, ["Раз. Два!", "Три?"]),
        ("Раз, два, три четыре", 10, ["Раз, два,", "три четыре"]),
        ("а" * 25, 10, ["а" * 10, "а" * 10, "а" * 5]),
        ("Раз.\nДва", 5, ["Раз.", "Два"]),
        (" \n", 5, []),
        ("…", 5, []),
    ],
)
def test_a_text_is_cut_between_sentences(text: str, longest: int, cut: list[str]) -> None:
    assert pieces(text, longest) == cut


def test_the_beginning_ends_with_a_sentence() -> None:
    assert beginning("Раз. Два. Три.", 10) == "Раз. Два."
    assert beginning(" Раз. ", 10) == "Раз."


@given(st.text(alphabet="аб .,!?\n«»12№-г", max_size=200), st.integers(min_value=1, max_value=40))
def test_pieces_fit_and_lose_no_word(text: str, longest: int) -> None:
    found = pieces(text, longest)
    assert all(0 < len(piece) <= longest for piece in found)
    letters = [sign for sign in text if sign.isalnum()]
    assert [sign for piece in found for sign in piece if sign.isalnum()] == letters


@given(st.text(max_size=300))
def test_any_text_is_said(text: str) -> None:
    in_words(text)
    spoken_lines(text)
