"""What is no question is not searched for, and gets a sentence of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import texts.chats
from chats.questions import reads_like_question, said_to_no_question


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("привет", texts.chats.GREETING),
        ("Привеееет!", texts.chats.GREETING),
        ("добрый вечер, бот", texts.chats.GREETING),
        ("Здравствуйте.", texts.chats.GREETING),
        ("Доброе утро всем 😊", texts.chats.GREETING),
        ("hello", texts.chats.GREETING),
        ("спасибо!", texts.chats.WELCOME),
        ("Большое спасибо за помощь", texts.chats.WELCOME),
        ("Хорошо, спасибо", texts.chats.WELCOME),
        ("спс", texts.chats.WELCOME),
        ("👍", texts.chats.WELCOME),
        ("👍🏽 🙏", texts.chats.WELCOME),
        ("❤️", texts.chats.WELCOME),
        ("ок", texts.chats.UNDERSTOOD),
        ("ОК.", texts.chats.UNDERSTOOD),
        ("Понятно", texts.chats.UNDERSTOOD),
        ("да", texts.chats.UNDERSTOOD),
        ("Пока!", texts.chats.GOODBYE),
        ("до свидания", texts.chats.GOODBYE),
    ],
)
def test_courtesies_are_answered_in_kind(text: str, said: str) -> None:
    assert said_to_no_question(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "спасибо, а что про завтраки?",
        "Привет! Что говорят о кофе?",
        "Хорошо ли спали гости?",
        "ок, а бассейн",
        "завтраки",
        "Пока гости ждали, что они делали?",
        "это",
        "что",
        "а почему?",
        "5 этаж",
        "що кажуть гості",
        "а" * 4000,
    ],
)
def test_whatever_else_has_words_is_a_question(text: str) -> None:
    assert said_to_no_question(text) is None


@pytest.mark.parametrize("text", ["", " \n ", "?", "…", "а", "7", "й?", "🍳", "🍳🥐", "!!!", "—", "\u200d"])
def test_what_has_no_words_is_told_what_to_do(text: str) -> None:
    assert said_to_no_question(text) == texts.chats.NO_QUESTION


def test_a_question_that_is_too_long_is_told_by_how_much() -> None:
    said = said_to_no_question("а" * 4001)
    assert said is not None
    assert "4001 символ," in said
    assert "не больше 4000" in said


@pytest.mark.parametrize(
    ("text", "marked", "unmarked"),
    [
        ("что гости говорят о завтраке?", True, True),
        ("А что про ужин?!", True, True),
        ("Сколько гостей жаловались на шум", False, True),
        ("Как дома", False, True),
        ("город Казань", False, False),
        ("Отель «Что? Где? Когда?»", False, False),
        ("Иванова Мария", False, False),
        ("Заря?", False, False),
        ("да, всё верно", False, False),
        ("Спасибо, хорошо?", False, False),
        ("", False, False),
    ],
)
def test_a_question_is_known_in_the_place_of_a_value(text: str, marked: bool, unmarked: bool) -> None:
    assert reads_like_question(text, marked=True) is marked
    assert reads_like_question(text) is unmarked


@given(st.text(max_size=300))
def test_any_text_is_a_question_or_gets_a_sentence(text: str) -> None:
    said = said_to_no_question(text)
    assert said is None or said.endswith((".", "?"))
