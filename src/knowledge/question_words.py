"""The words of a question that an answer has to speak of, and what a follow-up takes over from the questions before."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

import texts.chats
from chats.tokens import Part, Token, tokens_of
from knowledge.lemmas import lemmas
from knowledge.named import Known, named_in
from knowledge.synonyms import alike
from text_cleaning import folded


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BEGINNING = _words("а и но ну тогда еще или")
_POINTING = _words(
    "он она оно они его ее их него нее них ему ей им ним ней ними там туда оттуда тут этот эта это эти этого этой этом "
    "тот та то те того той тому такой такая такое"
)
_WORD = re.compile(r"\w+")
_LONGEST_FOLLOW_UP = 12
"""Words; longer questions say what they are about."""

Word = frozenset[str]
"""A word by the lemmas of its likely readings."""


@lru_cache(10_000)
def synonyms_of(word: Word) -> frozenset[str]:
    """Return the lemmas that mean about the same as the word in one of its readings."""
    return frozenset[str]().union(*map(alike, word)) - word


def words_of(question: str, named: frozenset[str]) -> tuple[Word, ...]:
    """Return the words with a meaning, each once, without those in which the question is put or names metadata.

    Of «что говорят гости?», which has no others, those in which it is put. Blocking.
    """
    tokens = tokens_of(question)
    framing = _framing()
    content = [each for each in tokens if _says_something(each) and not each.lemmas & (framing | named)]
    if not content and not named:
        content = [each for each in tokens if each.part in {Part.NOUN, Part.VERB, Part.QUALITY}]
    return tuple(dict.fromkeys(each.lemmas for each in content))


def with_subject(question: str, before: Sequence[str], known: Known) -> str:
    """Return the question, with the words for what was spoken of when it is a follow-up. Blocking.

    ``before`` are the chat's earlier questions, the latest first. A follow-up takes over names; one that says nothing
    of its own, like «а почему?», takes over everything.
    """
    subject = ""
    for each in [*reversed(before), question]:
        subject = _continued(each, subject, known) if subject else each
    return subject


def is_follow_up(question: str, known: Known) -> bool:
    """Tell whether a question can only be understood with what came before it. Blocking."""
    written = _WORD.findall(folded(question))
    if not written or len(written) > _LONGEST_FOLLOW_UP:
        return False
    named, used = named_in(question, known)
    is_bare = not words_of(question, used) or (named.is_nothing and not _POINTING.isdisjoint(written))
    return is_bare or written[0] in _BEGINNING


def _continued(question: str, subject: str, known: Known) -> str:
    if not is_follow_up(question, known):
        return question
    named, used = named_in(question, known)
    if not words_of(question, used) and named.is_nothing:
        return f"{subject} {question}"
    new, there = named.model_dump(), named_in(subject, known)[0].model_dump()
    names = [token.text for token in tokens_of(subject) if token.is_name]
    # «А в «Булаке»?» asks the same about another place: its names take the place of the former ones.
    is_elsewhere = any(new[field] and there[field] for field in new)
    if is_elsewhere:
        replaced = named_in(subject, known)[1]
        kept = " ".join(token.text for token in tokens_of(subject) if not token.lemmas & replaced)
        return f"{kept}. {question}"
    return f"{' '.join(names)}. {question}" if names else question


def _says_something(token: Token) -> bool:
    return token.value is not None or token.has_meaning


@cache
def _framing() -> frozenset[str]:
    return frozenset(lemmas(texts.chats.FRAMING_WORDS))
