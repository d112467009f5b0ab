"""A model that says that there is no answer is understood in whichever words; an answer with such words in it stays."""

import pytest

from chats.refusals import begins_with_mark, is_partial, is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "НЕТ ОТВЕТА",
        "нет ответа",
        "Нет ответа.",
        "**НЕТ ОТВЕТА**",
        "«НЕТ ОТВЕТА»",
        "«Нет ответа.»",
        "> НЕТ ОТВЕТА\n",
        "# Нет ответа",
        "❌ Нет ответа!",
        "НЕТ ОТВЕТА на этот вопрос [1]",
        "НЕТ ОТВЕТА\n\nНо могу рассказать о кофе [1].",
        "Нет ответа: об этом не говорили [1]",
        "Нет ответа, в отрывках говорят о другом.",
    ],
)
def test_the_words_that_the_model_was_given_are_a_refusal_in_any_dress(text: str) -> None:
    assert begins_with_mark(text)


@pytest.mark.parametrize(
    "text",
    [
        "Нет ответа на звонки, жалуются гости [1].",
        "Нет ответа — так гости описывают ресепшен [1].",
        "«Нет ответа» — так гости описывают ресепшен [1].",
        "Нет ответов на письма [1].",
        "Гости говорят: «НЕТ ОТВЕТА» [1].",
        "Неответа",
        "",
    ],
)
def test_an_answer_with_such_words_is_none(text: str) -> None:
    assert not begins_with_mark(text)


@pytest.mark.parametrize(
    "sentence",
    [
        "В отрывках нет ответа на этот вопрос.",
        "К сожалению, в предоставленных отрывках информация отсутствует.",
        "К сожалению, я не нашёл ответа в записях.",
        "В предоставленных фрагментах не упоминается бассейн [1].",
        "Отрывки не содержат информации о парковке [1][2].",
        "Отрывки не отвечают на вопрос.",
        "На этот вопрос в записях нет ответа.",
        "Информации о ценах нет.",
        "Об этом в расшифровках ничего не сказано.",
        "Недостаточно данных, чтобы ответить.",
        "Я не могу ответить на ваш вопрос.",
        "Невозможно определить, сколько стоит номер.",
        "В базе знаний нет ответа на этот вопрос.",
        "Ответа нет.",
        "Не удалось найти сведения о спа.",
        "Не знаю.",
        "No answer",
        "There is no information about it in the passages.",
        "The passages do not mention the pool.",
        "I don't know.",
    ],
)
def test_a_refusal_is_known_by_what_it_says(sentence: str) -> None:
    assert is_refusal(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "На завтраке не хватало горячих блюд [1].",
        "Гости говорят, что в номере нет информации о завтраке [1].",
        "Администратор сказал: «Ответа нет, информация отсутствует» [1].",
        "В записях гости хвалят кофе.",
        "В номере нет фена.",
        "Not a single guest liked the pool.",
        "Да.",
        "",
    ],
)
def test_what_people_lack_is_no_refusal(sentence: str) -> None:
    assert not is_refusal(sentence)


@pytest.mark.parametrize(
    "sentence", ["Однако кофе хвалят.", "Прямого ответа в отрывках нет.", "О ценах не говорят, но кофе хвалят."]
)
def test_a_refusal_may_hold_out_more(sentence: str) -> None:
    assert is_partial(sentence)
    assert not is_partial("В отрывках нет ответа на этот вопрос.")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["нет ", "«", "ответ ", "не ", '"', "отрывок ", "no ", "гость ", "*", "НЕТ ОТВЕТА "])
def test_a_long_text_is_read_at_once(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    begins_with_mark(text)
    is_refusal(text)
    is_partial(text)
