"""The check of quotes against the recording, and of the items of a pass, which rest on quotes.

A model's quote may differ from the transcript in case, ё, punctuation and small words. So a quote matches a stretch of
the transcript when ``difflib`` rates their letters at least 0.85 alike. One «не», «ни», «нет» or «без» more or less is
no match, and a quote of fewer than three or more than 120 words must be there as it is.

``ItemsReview`` puts each string of an item on one line, drops items with an unknown factor and items without a quote
that is in the recording, and unites equal items.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import texts.reports
from datamodels import Transcript
from prompt_pack.models import Factor, ReportPass, ReportPlan
from text_cleaning import folded, one_line
from texts.transcript import speaker_label
from utils import clock

ENOUGH_ALIKE = 0.85
CHECKED_WORDS = 4
"""The fewest words of a quote that is checked: shorter phrases in «…» are names and terms."""

_MOST_CANDIDATES = 20
_FEWEST_SEEDS = 6
_SHARED_SHARE = 4
"""At the place where a quote was said, at least one in this many words is the same; the rest may differ in endings."""
_EXACT_BELOW_WORDS = 3
"""A quote of fewer words has to match exactly: two similar words are found nearly anywhere."""
_LONGEST_QUOTE_WORDS = 120
_SLACK_WORDS = 2
_NEGATIONS = frozenset(["не", "ни", "нет", "без"])
"""Words that a quote and its match in the transcript have equally often: one more or less would say the opposite."""

_WORD = re.compile(r"\w+")
_GAP = re.compile(r"\[?\s*(?:…|\.{3,})\s*\]?")
_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
_QUOTED = re.compile(
    r"«(?P<quote>[^«»]{1,2000})»"
    r"(?:(?P<bracket>[ \u00a0]?[(\[][^()\[\]\n]{0,60}\d:\d\d[^()\[\]\n]{0,20}[)\]])"
    r"|(?P<dash>[ \u00a0]?[—–-] ?(?:[^()\[\]«».\n]{1,60}, ?)?\[?(?:\d+:)?\d{1,2}:\d\d\]?))?"
)
"""A quote, and the speaker and time that the model put after it: «…» (Клиент, 12:41) or «…» — Клиент, 12:41."""


@dataclass(frozen=True)
class Quote:
    """Words of the recording. ``speaker`` is None when the transcript names none; ``start`` is in seconds."""

    text: str
    speaker: str | None
    start: float

    @property
    def time(self) -> str:
        return clock(self.start)

    @property
    def source(self) -> str:
        return texts.reports.QUOTE_SOURCE.format(speaker=self.speaker, time=self.time) if self.speaker else self.time


@dataclass(frozen=True)
class CheckedText:
    """A checked text: ``found`` counts quotes that got speaker and time, ``not_found`` those not in the recording."""

    text: str
    found: int
    not_found: int


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    ratio: float


class Evidence:
    """The words of a transcript, ready to be searched. Building and searching take CPU time: use a thread."""

    def __init__(self, transcript: Transcript) -> None:
        self._segments = transcript.segments
        self._words: list[str] = []
        self._origins: list[tuple[int, int, int]] = []
        """For each word: the position of its segment, and where the word begins and ends in the segment's text."""
        for position, segment in enumerate(self._segments):
            for match in _WORD.finditer(segment.text):
                self._words.append(folded(match[0]))
                self._origins.append((position, match.start(), match.end()))
        self._positions: dict[str, list[int]] = {}
        for position, word in enumerate(self._words):
            self._positions.setdefault(word, []).append(position)

    def find(self, text: str, time: str | None = None) -> Quote | None:
        """Find the words of the recording that ``text`` quotes; None when nobody said them.

        Of several exact matches the one nearest to ``time`` (12:41) is taken, without a time the first. The parts
        around a gap (``…``) must all be there, in their order.
        """
        near = seconds(time)
        after = 0
        spans: list[_Span] = []
        for part in _GAP.split(text):
            words = normal_words(part)
            if not words:
                continue
            span = self._span(words, after, near)
            if span is None:
                return None
            spans.append(span)
            after = span.end
        if not spans:
            return None
        segment = self._segments[self._origins[spans[0].start][0]]
        said = " … ".join(self._said(span) for span in spans)
        return Quote(said, speaker_label(segment.role, segment.speaker), segment.start)

    def checked(self, markdown: str, prompt: str) -> CheckedText:
        """Return ``markdown`` with speaker and time after each quote, and a mark after quotes that nobody said.

        A quote that differs from the recording is replaced by what was said. Phrases in «…» stay as they are when
        ``prompt`` has them, too, or when they have fewer than ``CHECKED_WORDS`` words: they are no quotes.
        """
        asked = f" {' '.join(normal_words(prompt))} "
        found = not_found = 0

        def with_source(match: re.Match[str]) -> str:
            nonlocal found, not_found
            words = normal_words(match["quote"])
            if len(words) < CHECKED_WORDS or f" {' '.join(words)} " in asked:
                return match[0]
            stated = _TIME.search(match["bracket"] or match["dash"] or "")
            quote = self.find(match["quote"], stated[0] if stated else None)
            if quote is None:
                not_found += 1
                return f"«{match['quote']}» {texts.reports.QUOTE_NOT_FOUND}"
            found += 1
            said = match["quote"] if normal_words(quote.text) == words else quote.text
            return f"«{said}» — {quote.source}" if match["dash"] else f"«{said}» ({quote.source})"

        text = _QUOTED.sub(with_source, markdown)
        return CheckedText(text, found, not_found)

    def _span(self, words: Sequence[str], after: int, near: float | None) -> _Span | None:
        exact = [start for start in self._candidates_exact(words) if start >= after]
        if exact:
            start = exact[0] if near is None else min(exact, key=lambda each: abs(self._start_of(each) - near))
            return _Span(start, start + len(words), 1.0)
        if not _EXACT_BELOW_WORDS <= len(words) <= _LONGEST_QUOTE_WORDS:
            return None
        starts = [start for start in self._candidates_alike(words) if start >= after]
        best = max((self._refined(words, start, after) for start in starts), key=lambda span: span.ratio, default=None)
        return best if best and best.ratio >= ENOUGH_ALIKE else None

    def _candidates_exact(self, words: Sequence[str]) -> list[int]:
        rarest = min(range(len(words)), key=lambda index: len(self._positions.get(words[index], ())))
        starts = (position - rarest for position in self._positions.get(words[rarest], ()))
        return [start for start in starts if start >= 0 and self._words[start : start + len(words)] == list(words)]

    def _candidates_alike(self, words: Sequence[str]) -> list[int]:
        """Return the positions, in order, at which a similar quote may begin.

        At least one in ``_SHARED_SHARE`` of the quote's words is found after such a position, each at most
        ``_SLACK_WORDS`` words away from where the quote has it.
        """
        seeds = sorted(range(len(words)), key=lambda index: len(self._positions.get(words[index], ())))
        votes: Counter[int] = Counter()
        for index in seeds[: max(_FEWEST_SEEDS, len(words) // 2)]:
            for position in self._positions.get(words[index], ()):
                votes[position - index] += 1
        shared: Counter[int] = Counter()
        for start, count in votes.items():
            for shift in range(-_SLACK_WORDS, _SLACK_WORDS + 1):
                shared[start + shift] += count
        likely = [start for start, count in shared.most_common(_MOST_CANDIDATES) if count * _SHARED_SHARE >= len(words)]
        return sorted({min(max(0, start), len(self._words) - 1) for start in likely})

    def _refined(self, words: Sequence[str], start: int, after: int) -> _Span:
        best = _Span(start, start, 0.0)
        for length in range(max(1, len(words) - _SLACK_WORDS), len(words) + _SLACK_WORDS + 1):
            window = self._words[start : start + length]
            if start < after or len(window) < length or _negations(window) != _negations(words):
                continue
            ratio = _alike(window, words)
            if ratio > best.ratio:
                best = _Span(start, start + length, ratio)
        return best

    def _start_of(self, word: int) -> float:
        return self._segments[self._origins[word][0]].start

    def _said(self, span: _Span) -> str:
        first, last = self._origins[span.start], self._origins[span.end - 1]
        if first[0] == last[0]:
            return " ".join(self._segments[first[0]].text[first[1] : last[2]].split())
        between = [self._segments[position].text for position in range(first[0] + 1, last[0])]
        pieces = [self._segments[first[0]].text[first[1] :], *between, self._segments[last[0]].text[: last[2]]]
        return " ".join(" ".join(pieces).split())


def normal_words(text: str) -> list[str]:
    """Return the words of ``text`` without punctuation, in lower case and with е for ё."""
    return [folded(word) for word in _WORD.findall(text)]


def _alike(window: Sequence[str], words: Sequence[str]) -> float:
    """Return ``difflib``'s ratio of the letters, 0 to 1.

    Letters are compared only where the words differ, which is far faster.
    """
    same = 0
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, window, words, autojunk=False).get_opcodes():
        said, quoted = " ".join(window[begin:end]), " ".join(words[other_begin:other_end])
        if tag == "equal":
            same += len(said) + 1
        elif tag == "replace":
            blocks = SequenceMatcher(None, said, quoted, autojunk=False).get_matching_blocks()
            same += sum(block.size for block in blocks)
    return 2 * same / (sum(map(len, window)) + sum(map(len, words)) + len(window) + len(words))


def _negations(words: Iterable[str]) -> Counter[str]:
    return Counter(word for word in words if word in _NEGATIONS)


def seconds(time: str | None) -> float | None:
    """Return the seconds of the first time (12:41 or 1:02:41) in a text; None without one."""
    match = _TIME.search(time or "")
    return int(match[1] or 0) * 3600.0 + int(match[2]) * 60 + int(match[3]) if match else None


Item = dict[str, Any]


class ItemsReview:
    """Reviews the items in a model's answers. Takes CPU time: use a thread.

    ``unknown_factors`` and ``without_quotes`` count the items that were dropped, ``quotes_not_found`` the quotes.
    """

    def __init__(self, plan: ReportPlan, of_pass: ReportPass, evidence: Evidence) -> None:
        self._plan = plan
        self._pass = of_pass
        self._evidence = evidence
        self.unknown_factors = 0
        self.quotes_not_found = 0
        self.without_quotes = 0

    def of(self, answered: Sequence[Mapping[str, Any]]) -> list[Item]:
        """Return the valid items in the order of the answers, equal ones united."""
        return self._united([item for each in answered if (item := self._reviewed(each)) is not None])

    def missing(self, items: Sequence[Item]) -> tuple[Factor, ...]:
        """Return the taxonomy's factors that no item names; () for a pass without a taxonomy."""
        if not (self._pass.taxonomy and self._plan.taxonomy):
            return ()
        named = {item[self._pass.taxonomy] for item in items}
        return tuple(factor for factor in self._plan.taxonomy.factors.values() if factor.id not in named)

    def _reviewed(self, answered: Mapping[str, Any]) -> Item | None:
        item: Item = {name: _on_one_line(value) for name, value in answered.items()}
        if self._pass.taxonomy and self._plan.taxonomy:
            if item[self._pass.taxonomy] not in self._plan.taxonomy.factors:
                self.unknown_factors += 1
                return None
            item = self._plan.described(item, self._pass.taxonomy)
        if self._pass.quotes:
            item[self._pass.quotes] = self._found(item[self._pass.quotes])
            if not item[self._pass.quotes]:
                self.without_quotes += 1
                return None
        return item

    def _found(self, quotes: Sequence[Mapping[str, Any]]) -> list[Item]:
        found: list[Item] = []
        for stated in quotes:
            quote = self._evidence.find(str(stated["text"]), stated.get("time"))
            if quote is None:
                self.quotes_not_found += 1
            else:
                found.append({**stated, "text": quote.text, "speaker": quote.speaker, "time": quote.time})
        return _distinct(found)

    def _united(self, items: Sequence[Item]) -> list[Item]:
        """Unite items with equal keys and, in a pass without a taxonomy, items that rest on the same quotes.

        Overlapping windows give the same item twice. Two factors of a taxonomy, though, may well rest on one quote.
        """
        united: list[Item] = []
        places: dict[tuple[str, ...], int] = {}
        for item in items:
            identities = [self._key(item)]
            if self._pass.quotes and not self._pass.taxonomy:
                identities.append(("quotes", *sorted(quote["text"] for quote in item[self._pass.quotes])))
            place = next((places[each] for each in identities if each in places), None)
            if place is None:
                place = len(united)
                united.append(item)
            else:
                united[place] = _joined(united[place], item)
            for each in identities:
                places.setdefault(each, place)
        return united

    def _key(self, item: Item) -> tuple[str, ...]:
        names = self._pass.key or [name for name in item if name != self._pass.quotes]
        return ("key", *(" ".join(normal_words(str(item[name]))) for name in names))


def _joined(first: Item, second: Item) -> Item:
    """Return a copy of ``first`` whose lists also have what only ``second`` has, its nulls filled from ``second``."""
    joined = dict(first)
    for name, value in second.items():
        if isinstance(value, list) and isinstance(first.get(name), list):
            joined[name] = _distinct([*first[name], *value])
        elif first.get(name) is None:
            joined[name] = value
    return joined


def _distinct(values: Sequence[Any]) -> list[Any]:
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct


def _on_one_line(value: Any) -> Any:
    """Return the value with each string on one line: a line break would end a heading or a list in Markdown."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [_on_one_line(each) for each in value]
    if isinstance(value, dict):
        return {name: _on_one_line(each) for name, each in value.items()}
    return value
