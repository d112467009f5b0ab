"""A passage supports a sentence that has its numbers, names, words and denials, in any form, and no other."""

from datetime import date
from uuid import uuid4

import pytest

from chats.sources import source_line
from chats.support import Content, content_of, statement_of, supports
from chats.wording import wording_of
from datamodels import RecordingId
from datamodels_chats import Passage, PassageLine, Source


def said(*lines: str, speaker: str = "Клиент") -> Content:
    source = Source(
        start=0.0,
        end=9.0,
        number=1,
        recording_id=RecordingId(uuid4()),
        recording_number=17,
        label="Интервью",
        day=date(2026, 11, 3),
        speakers=(speaker,),
    )
    return content_of(
        Passage(source=source, lines=tuple(PassageLine(start=0.0, speaker=speaker, text=line) for line in lines))
    )


@pytest.mark.parametrize(
    ("passage", "sentence"),
    [
        ("Горячих блюд на завтраке не хватало.", "На завтраке не хватало горячих блюд."),
        ("Завтрак бедный.", "Гости отмечают, что завтраки были очень бедными."),
        ("Ужин вышел три тысячи рублей.", "Ужин вышел 3 000 рублей."),
        ("Ужин вышел 3000 рублей.", "Ужин вышел три тысячи рублей."),
        ("Ужин вышел три с половиной тысячи.", "Ужин вышел 3 500."),
        ("Ужин вышел полторы тысячи.", "Ужин вышел 1,5 тыс. руб."),
        ("Скидка двадцать пять процентов.", "Скидка 25 %."),
        ("Скидка 25%.", "Скидка — двадцать пять процентов."),
        ("Номер на пятом этаже.", "Номер на 5-м этаже."),
        ("Ждали минут сорок.", "Ждали 40 минут."),
        ("Звонок обрывался трижды.", "Звонок обрывался три раза."),
        ("Приехали двое, третьего ноября.", "Приехали 2 гостя, 3 ноября."),
        ("Завтрак в десять тридцать.", "Завтрак в 10:30."),
        ("Нам помогла администратор Ольга.", "Гостям помогла Ольга."),
        ("Мы жили в отеле «Заря», в Казани.", "Гости жили в «Заре» в Казани."),
        ("Диваны не удобные.", "Диваны неудобные."),
        ("Розеток нет.", "Розетки отсутствуют."),
        ("Не шумно.", "Не было шумно."),
        ("Шумно не было.", "Было не шумно."),
        ("Не только дорого, но и шумно.", "Дорого и шумно."),
        ("Не просто дорого, а ещё и шумно.", "Дорого и шумно."),
        ("На завтраке вайфай пропадал.", "На завтраке Wi-Fi пропадал."),
        ("Ёлка красивая.", "Елка красивая."),
        ("Нам понравился завтрак, так и напишите: всё было вкусно и просто.", "«Всё было вкусно и просто»."),
        ("Кофе хороший.", "В интервью №17 от 3 ноября 2026 года говорится, что кофе хороший."),
        ("Кофе хороший.", "По записи № 17 от 03.11.2026 кофе хороший."),
        ("Кофе хороший.", "Кофе, как считает Клиент, хороший."),
        ("Завтрак до десяти, стоит тысячу.", "Завтрак до 10 часов стоит 1 000 рублей."),
        ("Кофе брали на двоих.", "Один из гостей говорит, что кофе брали на двоих."),
    ],
)
def test_the_same_in_other_forms_is_supported(passage: str, sentence: str) -> None:
    assert supports(said(passage), statement_of(sentence))


@pytest.mark.parametrize(
    ("passage", "sentence"),
    [
        ("Горячих блюд на завтраке не хватало.", "На завтраке не хватало холодных блюд."),
        ("Горячих блюд на завтраке не хватало.", "На завтраке хватало горячих блюд."),
        ("Ужин вышел три тысячи рублей.", "Ужин вышел 4 000 рублей."),
        ("Ужин вышел три тысячи рублей.", "Ужин вышел 3 рубля."),
        ("Ждали сорок минут, заплатили двести рублей.", "Ждали 200 минут."),
        ("Скидка двадцать пять процентов.", "Скидка 25 рублей."),
        ("Нам помогла администратор Ольга.", "Помогла администратор Елена."),
        ("Нам помогла администратор Ольга.", "Помогла администратор Ольга Петрова."),
        ("Было не шумно.", "Было шумно."),
        ("Шумно не было.", "Было шумно."),
        ("Официант вежливым не был.", "Официант был вежливым."),
        ("Не было шума, запаха.", "Был шум."),
        ("Не смогли дозвониться.", "Дозвонились."),
        ("Было шумно.", "Было не шумно."),
        ("Диваны удобные.", "Диваны неудобные."),
        ("Розеток у кровати нет.", "У кровати розетки."),
        ("На завтрак с собакой нельзя.", "На завтрак с собакой можно."),
        ("Собаку взяли без доплаты.", "Собаку взяли с доплатой."),
        ("Кофе хороший.", "Кофе хороший, «это лучший кофе в городе»."),
        ("Кофе хороший, лучший, в городе такой один.", "«Это лучший кофе в городе»."),
        ("Кофе хороший.", "Кофе пили 17 раз."),
        ("Кофе хороший.", "Кофе пили 3 гостя."),
        ("Ждали минут сорок.", "Ждали сорок директоров."),
        ("Кофе украл один официант.", "Кофе украл один директор."),
        ("Кофе хороший.", "Да."),
        ("Кофе хороший.", "Один из гостей так считает."),
        ("Кофе хороший.", ""),
        ("", "Кофе хороший."),
    ],
)
def test_what_differs_in_a_number_a_name_a_word_or_a_denial_is_not(passage: str, sentence: str) -> None:
    assert not supports(said(passage), statement_of(sentence))


def test_of_five_words_one_may_be_another_and_of_four_none() -> None:
    passage = said("Официант принёс горячий суп вовремя.")
    assert supports(passage, statement_of("Официант принёс горячий суп вчера вовремя."))
    assert not supports(passage, statement_of("Официант принёс холодный суп."))


@pytest.mark.parametrize(
    ("asked", "answered", "sentence", "is_supported"),
    [
        ("Ночью было шумно?", "Нет, тихо.", "Ночью было шумно.", False),
        ("Ждали сорок минут?", "Меньше.", "Ждали сорок минут.", False),
        ("Вам понравился завтрак?", "Да, очень.", "Завтрак понравился.", True),
        ("А завтрак?", "Понравился.", "Завтрак понравился.", True),
        ("Сколько вы ждали заселения?", "Минут сорок.", "Заселения ждали 40 минут.", True),
    ],
)
def test_what_was_only_asked_was_not_said(asked: str, answered: str, sentence: str, is_supported: bool) -> None:
    assert supports(said(asked, answered), statement_of(sentence)) is is_supported


def test_speaker_and_scenario_are_part_of_a_passage() -> None:
    passage = said("Матрас жёсткий.", speaker="Дизайнер")
    assert supports(passage, statement_of("Дизайнер называет матрас жёстким."))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("двести пятьдесят три", ["253"]),
        ("две тысячи двадцать шестой", ["2026"]),
        ("миллион двести тысяч", ["1200000"]),
        ("десять тридцать", ["10", "30"]),
        ("два-три", ["2", "3"]),
        ("12 300", ["12300"]),
        ("3,50", ["3.50"]),
        ("с 7:00 до 10:30", ["7", "10", "30"]),
        ("5 млн", ["5000000"]),
        ("ноль", ["0"]),
        ("²½Ⅷ٣", ["3"]),
    ],
)
def test_numbers_are_read_in_words_and_digits(text: str, values: list[str]) -> None:
    assert [str(amount.value) for amount in wording_of(text).amounts] == values


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1 000 ",
        "1.",
        "1:",
        "двадцать ",
        "не ",
        "нет ",
        "«",
        '"',
        "«а б в» ",
        "ы",
        "3.3.2026 ",
        "Ольга ",
        "№1 ",
        "…",
    ],
)
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    text = piece * (10_000 // len(piece))
    supports(said(text), statement_of(text))


def test_a_document_has_neither_number_nor_day() -> None:
    source = Source(
        start=0.0,
        end=0.0,
        number=1,
        recording_id=None,
        recording_number=None,
        label="Документ «Правила.md»",
        day=None,
        speakers=(),
        section="Завтрак",
    )
    line = PassageLine(start=0.0, speaker="", text="Завтрак накрывают с семи.")
    content = content_of(Passage(source=source, lines=(line,)))
    assert supports(content, statement_of("Завтрак накрывают с семи."))
    assert not supports(content, statement_of("Завтрак накрывают с восьми."))
    assert source_line(source) == "[1] Документ «Правила.md», раздел «Завтрак»"
