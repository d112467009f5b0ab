"""Which messages are questions, and what people read who sent something else: a greeting, thanks, no words."""

import re

import texts.chats
from chats.vocabulary import (
    AGREEMENTS,
    COURTESY_FILLERS,
    COURTESY_SIGNS,
    FAREWELLS,
    GREETINGS,
    QUESTION_WORDS,
    THANKS,
)
from text_cleaning import folded

LONGEST_QUESTION = 4000
"""Characters."""
_FEWEST_LETTERS = 2
_FEWEST_WORDS = 2
"""Words of a question that comes in the place of a value; a single word may be one."""
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
    if courtesy := said_to_courtesy(text):
        return courtesy
    return texts.chats.NO_QUESTION if sum(map(str.isalnum, text)) < _FEWEST_LETTERS else None


def reads_like_question(text: str, *, marked: bool = False) -> bool:
    """Tell whether text is a question to the archive although something else was asked for.

    It has at least two words, and ends with a question mark or, unless it has to be ``marked``, begins as questions do.
    """
    words = _WORD.findall(folded(text))
    if len(words) < _FEWEST_WORDS or said_to_no_question(text) is not None:
        return False
    return text.rstrip(" .!)…").endswith("?") or (not marked and words[0] in QUESTION_WORDS)


def said_to_courtesy(text: str) -> str | None:
    """Return what to say to thanks, a greeting, a farewell or a nod; None for anything else."""
    if len(text) > _LONGEST_COURTESY:
        return None
    words = _WORD.findall(_DRAWN_OUT.sub(r"\1", folded(text)))
    if not words:
        return next((texts.chats.WELCOME for sign in text if sign in COURTESY_SIGNS), None)
    if not _ONLY_COURTESIES.issuperset(words):
        return None
    return next((said for known, said in _COURTESIES if not known.isdisjoint(words)), None)
