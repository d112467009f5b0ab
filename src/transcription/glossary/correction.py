"""Spells terms of the glossary right where something near them was heard; nothing else is ever rewritten.

Only words that no dictionary has are replaced, by a term that sounds nearly the same and nearer than any other, in the
form that was said. Of a term of several words, what a dictionary has must be right already; then the others and the
capitals are put right.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from datamodels import Segment
from morphology import is_known, parses
from text_cleaning import folded
from transcription.editing.words import with_text
from transcription.glossary.sounds import distance, key

_RUSSIAN = "ru"
_TOKEN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BETWEEN = re.compile(r"[ -]+")
_FEWEST_SOUNDS = 5
"""Shorter terms sound like too much else."""
_ONE_OFF, _TWO_OFF = 6, 9
"""Sounds that a term has at least when one, or two, of them may differ."""
_JOINED = 6
"""Sounds that a term has at least when it was heard as several words, which must sound exactly like it."""
_MOST_PIECES = 3
_EDGE = 3
_HARD = frozenset("бвгджзклмнпрстфхцчшщ")
_BEFORE_I = frozenset("гкхжчшщ")
_ENDINGS = ("", "а", "у", "ом", "е", "ы", "ов", "ам", "ами", "ах", "и", "ой", "ю", "ей", "я")
"""What Russian speakers put behind a foreign name; it is not written."""


def corrected_by(terms: Sequence[str], segments: Sequence[Segment], language: str) -> tuple[Segment, ...]:
    """Return a transcript's segments, in ``language``, with terms spelled right in the Russian ones. Blocking."""
    return GlossaryCorrection(terms).segments(segments, language) if terms else tuple(segments)


class _Form(NamedTuple):
    """A spelling of a term, and how it sounds."""

    spelled: str
    sound: str


class GlossaryCorrection:
    """Corrects by ``terms``. Making it takes a few milliseconds for each term, correcting about one for ten words."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._single: list[tuple[str, tuple[_Form, ...]]] = []
        self._several: list[tuple[str, tuple[tuple[_Form, ...], ...]]] = []
        for term in dict.fromkeys(terms):
            words = _TOKEN.findall(term)
            if len(key(term)) < _FEWEST_SOUNDS:
                continue
            if len(words) == 1:
                self._single.append((term, _forms(words[0])))
            elif words:
                self._several.append((term, tuple(_forms(word) for word in words)))
        self._longest = max([_MOST_PIECES, *(len(words) for _, words in self._several)])
        self._spelled = {folded(form.spelled) for _, forms in self._single for form in forms}
        self._by_first: dict[str, list[tuple[str, tuple[_Form, ...]]]] = {}
        self._by_sound: dict[str, set[str]] = {}
        for term, forms in self._single:
            self._by_first.setdefault(forms[0].sound[:1], []).append((term, forms))
            for form in forms:
                self._by_sound.setdefault(form.sound, set()).add(form.spelled)

    def segments(self, segments: Sequence[Segment], language: str) -> tuple[Segment, ...]:
        """Return the segments of a transcript in ``language``, its Russian ones corrected. Blocking."""
        return tuple(each if (each.language or language) != _RUSSIAN else self._segment(each) for each in segments)

    def text(self, text: str) -> str:
        """Return the text with terms spelled right."""
        tokens = list(_TOKEN.finditer(text))
        pieces, written, place = [], 0, 0
        while place < len(tokens):
            found = self._at(text, tokens, place)
            if found is None:
                place += 1
                continue
            spelled, count = found
            pieces += [text[written : tokens[place].start()], spelled]
            written = tokens[place + count - 1].end()
            place += count
        return "".join([*pieces, text[written:]])

    def _segment(self, segment: Segment) -> Segment:
        text = self.text(segment.text)
        return segment if text == segment.text else with_text(segment, text)

    def _at(self, text: str, tokens: Sequence[re.Match[str]], place: int) -> tuple[str, int] | None:
        """Return the spelling of what begins at a token, and how many tokens it takes; None to leave it."""
        for count in range(min(self._longest, len(tokens) - place), 1, -1):
            run = tokens[place : place + count]
            if not all(_BETWEEN.fullmatch(text[one.end() : other.start()]) for one, other in pairwise(run)):
                continue
            heard = [token[0] for token in run]
            if (spelled := self._several_words(heard) or self._joined(heard)) is not None:
                return spelled, count
        spelled = self._one_word(tokens[place][0])
        return None if spelled is None else (spelled, 1)

    def _several_words(self, heard: Sequence[str]) -> str | None:
        best = [
            " ".join(form.spelled for form in chosen)
            for _, words in self._several
            if len(words) == len(heard) and (chosen := _matched(words, heard)) is not None
        ]
        return best[0] if len(set(best)) == 1 and best[0] != " ".join(heard) else None

    def _joined(self, heard: Sequence[str]) -> str | None:
        if len(heard) > _MOST_PIECES or all(map(_is_word, heard)):
            return None
        # «и» or «в» beside a name is a word of its own.
        if any(len(edge) < _EDGE and _is_word(edge) for edge in (heard[0], heard[-1])):
            return None
        sound = key("".join(heard))
        found = self._by_sound.get(sound, set()) if len(sound) >= _JOINED else set()
        return next(iter(found)) if len(found) == 1 else None

    def _one_word(self, heard: str) -> str | None:
        if _is_word(heard) or folded(heard) in self._spelled:
            return None
        sound = key(heard)
        ranked = sorted(
            (off, form.sound != sound, term, form.spelled)
            for term, forms in self._by_first.get(sound[:1], ())
            if (nearest := _nearest(forms, sound)) is not None
            for off, form in [nearest]
        )
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return ranked[0][3]


def _matched(words: Sequence[Sequence[_Form]], heard: Sequence[str]) -> list[_Form] | None:
    chosen = []
    for forms, token in zip(words, heard, strict=True):
        exact = [form for form in forms if folded(form.spelled) == folded(token)]
        nearest = None if exact or _is_word(token) else _nearest(forms, key(token))
        if not exact and nearest is None:
            return None
        chosen.append(exact[0] if exact else nearest[1])  # type: ignore[index]
    return chosen


def _nearest(forms: Sequence[_Form], sound: str) -> tuple[int, _Form] | None:
    """Return the form that sounds nearest, and by how much it is off; None when none is near enough."""
    best: tuple[int, _Form] | None = None
    for form in forms:
        length = min(len(form.sound), len(sound))
        most = 2 if length >= _TWO_OFF else 1 if length >= _ONE_OFF else 0
        if form.sound[:1] != sound[:1]:
            continue
        off = distance(form.sound, sound, most)
        if off <= most and (best is None or off < best[0]):
            best = off, form
    return best


def _forms(word: str) -> tuple[_Form, ...]:
    if not re.search("[а-яё]", word.lower()):
        return tuple(dict.fromkeys(_Form(word, key(word + ending)) for ending in _ENDINGS))
    if _is_word(word):
        spelled = [_cased(form.word, word) for form in parses(word)[0].lexeme if "sing" in form.tag]
    else:
        spelled = _declined(word)
    return tuple(dict.fromkeys(_Form(each, key(each)) for each in (word, *spelled)))


def _declined(name: str) -> list[str]:
    """Return the forms of a name that no dictionary has, in the singular; none where it may not have any."""
    last, before = name[-1].lower(), name[-2:-1].lower()
    if last in _HARD:
        endings, stem = ("а", "у", "ом", "е"), name
    elif last == "а":
        endings, stem = ("и" if before in _BEFORE_I else "ы", "е", "у", "ой"), name[:-1]
    elif last == "ь":
        endings, stem = ("я", "ю", "ем", "е"), name[:-1]
    elif last == "я":
        endings, stem = ("и", "и" if before == "и" else "е", "ю", "ей"), name[:-1]
    else:
        return []
    return [stem + (ending.upper() if name.isupper() else ending) for ending in endings]


def _cased(form: str, like: str) -> str:
    if like.isupper():
        return form.upper()
    return form[:1].upper() + form[1:] if like[:1].isupper() else form


@lru_cache(maxsize=20_000)
def _is_word(token: str) -> bool:
    return is_known(token)
