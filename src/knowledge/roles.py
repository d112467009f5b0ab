"""Whose words a question asks for: «что говорили администраторы», «на что жалуются гости»."""

import re
from collections.abc import Collection, Sequence

from chats.vocabulary import ROLE_WORDS, SAYING
from morphology import parses
from text_cleaning import folded

_WORD = re.compile(r"\w+")
_FARTHEST = 4
"""Words between who speaks and that they speak, as in «гости отеля в Казани говорят»."""
_LABEL = re.compile(r"\A([^\W\d_]+)(?: \d+)?: ")


def asked_roles(question: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return those of the ``labels`` of roles of which the question says that they speak. Blocking.

    They stand in the nominative near a verb of saying: not in «что говорят о гостях» and «что ответили клиенту».
    """
    words = _WORD.findall(folded(question))
    saying = [place for place, word in enumerate(words) if not SAYING.isdisjoint(_lemmas(word))]
    found: dict[str, None] = {}
    for place, word in enumerate(words):
        if not any(abs(place - each) <= _FARTHEST for each in saying):
            continue
        speaking = {folded(each.normal_form) for each in parses(word) if "nomn" in each.tag}
        for label in labels:
            if speaking & ROLE_WORDS.get(label, frozenset([folded(label)])):
                found[label] = None
    return tuple(found)


def is_said_by(line: str, roles: Sequence[str], labels: Collection[str]) -> bool:
    """Tell whether a line of a chunk may be said by one of ``roles``: it is, or the line names none of ``labels``."""
    label = role_of(line, labels)
    return not roles or label is None or label in roles


def role_of(line: str, labels: Collection[str]) -> str | None:
    """Return the role of whoever says a line; None when the line names none of ``labels``."""
    label = _LABEL.match(line)
    return label[1] if label is not None and label[1] in labels else None


def _lemmas(word: str) -> set[str]:
    return {folded(each.normal_form) for each in parses(word)}
