"""Whether a model says that the passages do not answer the question, in whichever words it says so."""

import re

import texts.chats
from text_cleaning import folded

_LONGEST = 400
"""Characters of a sentence that are looked at: refusals are short."""
_QUOTED = re.compile(r"«[^«»]*»|[“„][^“”„]*[“”]|\"[^\"]*\"")
_WORD = re.compile(r"[^\W_]+")
_TOLD = re.compile(rf"[\W_]{{0,20}}{texts.chats.NO_ANSWER_MARK}\b")
_MARK = re.compile(
    rf"[\W_]{{0,20}}{texts.chats.NO_ANSWER_MARK}(?:[*_`]{{0,3}}[.!,:;\n»\"”]|\W{{0,20}}$)", re.IGNORECASE
)
"""Not in «Нет ответа на звонки» and «Нет ответа — вот что злит гостей», which may be answers."""
_QUOTED_AT_FIRST = re.compile(r"[«\"“„][^«»\"“”„]{0,400}[»\"”][^\w\n]{1,9}\w")

_NOT_SAID = (
    r"не (?:\w+ ){0,2}(?:содерж|упом|говор|сказ|указ|сообщ|обсужд|встреч|привод|привед|раскр|затраг|затрон|касае|отраж"
    r"|отвеч|ответ|предостав|представл|описыв|описан|освещ|извест|фигурир|найд|нашел|нашл|обнаруж|дает|дают|позвол|имеет"
    r"|распола)\w*"
)
_LACKING = rf"(?:нет|отсутству\w+|недостаточно|не хват\w+|{_NOT_SAID})"
_PLACE = r"(?:отрыв|фрагмент|расшифров|запис|текст|контекст|источник|материал|документ|интервью|баз[ае])\w*"
_WHAT = r"(?:ответ\w*|информаци\w+|сведени\w+|данны[ех]|упоминани\w+|об этом|про это|этот вопрос)"
_ENGLISH_LACKING = r"(?:no|not|cannot|unable|don t|doesn t|can t)"
_ENGLISH_WHAT = r"(?:answer|information|mention\w*|passages?|context|provided|know)"
_REFUSAL = re.compile(
    rf"\b(?:{_LACKING}\b.*\b{_WHAT}|{_WHAT}\b.*\b{_LACKING}"
    rf"|{_PLACE}\b.*\b(?:{_NOT_SAID}|ничего|этого нет|ни слова)|{_NOT_SAID}\b.*\b{_PLACE}"
    r"|не могу (?:\w+ ){0,2}ответить|не (?:удалось|смог\w*) (?:\w+ ){0,2}(?:найти|ответить|определить|установить)"
    r"|(?:невозможно|нельзя|затрудняюсь) (?:\w+ ){0,2}(?:ответить|определить|установить|сказать)|не знаю$"
    rf"|{_ENGLISH_LACKING}\b.*\b{_ENGLISH_WHAT}|{_ENGLISH_WHAT}\b.*\b{_ENGLISH_LACKING})\b"
)
_PEOPLE_SAY = re.compile(r"\b(?:гост|клиент|посетител|сотрудник|постоял|люди|он|она|они)\w*\b.*?\bчто\b")
_PARTLY = re.compile(
    r"\b(?:но|однако|зато|хотя|впрочем|прям\w+|точн\w+|конкретн\w+|полн\w+|тем не менее|при этом|but|however)\b"
)


def begins_with_mark(text: str) -> bool:
    """Tell whether a text begins with the words that the model was told to refuse with, whatever follows them."""
    if _TOLD.match(text):
        return True
    return _MARK.match(text) is not None and _QUOTED_AT_FIRST.match(text) is None


def is_refusal(sentence: str) -> bool:
    """Tell whether a sentence that no passage supports says that there is no answer.

    What stands in quotation marks, and what people are reported to have said, does not count.
    """
    said = folded(_QUOTED.sub(" ", sentence[:_LONGEST]))
    words = " ".join(_WORD.findall(said))
    if reported := _PEOPLE_SAY.search(words):
        words = words[: reported.end()]
    return _REFUSAL.search(words) is not None


def is_partial(sentence: str) -> bool:
    """Tell whether a sentence holds out more: «прямого ответа нет», «об этом не говорят, но …», «Однако …»."""
    return _PARTLY.search(folded(sentence[:_LONGEST])) is not None
