"""Whose words a question asks for: «что говорили администраторы», «на что жалуются гости»."""

import re
from collections.abc import Collection, Sequence

from chats.vocabulary import ROLE_WORDS, SAYING
from knowledge.lines import LABEL
from morphology import parses
from text_cleaning import folded

_WORD = re.compile(r"\w+")
_CLAUSE = re.compile(r"[,.:;!?()]")
_CIRCUMSTANCES = frozenset(["когда", "если", "пока", "раз", "чтобы", "хотя", "поскольку"])
"""First words of clauses that tell when something is: «что делают, когда гости жалуются» asks for nobody's words."""
_FARTHEST = 4
"""Words between who speaks and that they speak, as in «гости отеля в Казани говорят»."""
_SURE = 0.8
"""The likelihood from which on a word is a nominative: «персонал», «мастера» may as well be whom somebody speaks of."""


def asked_roles(question: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return those of the ``labels`` of roles of which the question says that they speak. Blocking.

    They stand in the nominative near a verb of saying: not in «что говорят о гостях», «хвалят ли персонал» and «что
    ответили клиенту».
    """
    found: dict[str, None] = {}
    for clause in _CLAUSE.split(folded(question)):
        words = _WORD.findall(clause)
        if words and words[0] in _CIRCUMSTANCES:
            continue
        saying = [place for place, word in enumerate(words) if not SAYING.isdisjoint(_lemmas(word))]
        for place, word in enumerate(words):
            if any(abs(place - each) <= _FARTHEST for each in saying):
                speaking = _subjects(word)
                found |= {each: None for each in labels if speaking & ROLE_WORDS.get(each, frozenset([folded(each)]))}
    return tuple(found)


def _subjects(word: str) -> set[str]:
    """Return the lemmas of a word that is a nominative, most likely."""
    nominatives = [each for each in parses(word) if "nomn" in each.tag]
    is_sure = sum(each.score for each in nominatives) >= _SURE
    return {folded(each.normal_form) for each in nominatives} if is_sure else set()


def is_said_by(line: str, roles: Sequence[str], labels: Collection[str]) -> bool:
    """Tell whether a line of a chunk may be said by one of ``roles``: it is, or the line names none of ``labels``."""
    label = role_of(line, labels)
    return not roles or label is None or label in roles


def role_of(line: str, labels: Collection[str]) -> str | None:
    """Return the role of whoever says a line; None when the line names none of ``labels``."""
    label = LABEL.match(line)
    return label[1] if label is not None and label[1] in labels else None


def _lemmas(word: str) -> set[str]:
    return {folded(each.normal_form) for each in parses(word)}
