"""Which messages are questions, and what people read who sent something else: a greeting, thanks, no words."""

import re

import texts.chats
from chats.vocabulary import AGREEMENTS, COURTESY_FILLERS, COURTESY_SIGNS, FAREWELLS, GREETINGS, THANKS
from text_cleaning import folded

LONGEST_QUESTION = 4000
"""Characters."""
_FEWEST_LETTERS = 2
_LONGEST_COURTESY = 100
_COURTESIES = (
    (THANKS, texts.chats.WELCOME),
    (GREETINGS, texts.chats.GREETING),
    (FAREWELLS, texts.chats.GOODBYE),
    (AGREEMENTS, texts.chats.UNDERSTOOD),
)
"""Words by which a courtesy is known, the weightiest first, and what is said to it: «хорошо, спасибо» are thanks."""
_ONLY_COURTESIES = frozenset().union(COURTESY_FILLERS, *(words for words, _ in _COURTESIES))
_WORD = re.compile(r"[^\W_]+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


def said_to_no_question(text: str) -> str | None:
    """Return what to say to a message that is no question to be searched for; None for a question.

    Words are needed, and nothing but courtesies is none: «спасибо!», but not «спасибо, а что про завтраки?».
    """
    if len(text) > LONGEST_QUESTION:
        length = texts.chats.CHARACTER.counted(len(text))
        return texts.chats.QUESTION_TOO_LONG.format(length=length, longest=LONGEST_QUESTION)
    if courtesy := _said_to_courtesy(text):
        return courtesy
    return texts.chats.NO_QUESTION if sum(map(str.isalnum, text)) < _FEWEST_LETTERS else None


def _said_to_courtesy(text: str) -> str | None:
    if len(text) > _LONGEST_COURTESY:
        return None
    words = _WORD.findall(_DRAWN_OUT.sub(r"\1", folded(text)))
    if not words:
        return next((texts.chats.WELCOME for sign in text if sign in COURTESY_SIGNS), None)
    if not _ONLY_COURTESIES.issuperset(words):
        return None
    return next((said for known, said in _COURTESIES if not known.isdisjoint(words)), None)
